"""`cleanse labels`: every label of a submission."""

from typing import Annotated, Literal

import typer

from api.cli.arguments import Home, Json, Server, SubmissionId

State = Literal["queued", "running", "done", "not_converged", "screened_out", "failed", "cancelled"]


def labels(
    submission: SubmissionId,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Show all labels of a submission as far as they are, smallest norm first."""
    from api.backends import opened
    from api.cli.showing import show_labels

    with opened(home, server) as backend:
        show_labels(backend, submission, state=state, as_json=json)
