"""`cleanse list`: the submissions."""

from typing import Annotated, Literal

import typer

from api.arguments import Home, Json

State = Literal["queued", "preparing", "inverting", "repairing", "done", "refused", "failed", "cancelled"]
Verdict = Literal["backdoored", "clean", "inconclusive"]


def list_submissions(
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    verdict: Annotated[Verdict | None, typer.Option("--verdict", help="Only those with this verdict.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    home: Home = None,
    json: Json = False,
) -> None:
    """List submissions, newest first."""
    from api.arguments import settings_of
    from api.showing import show_list

    show_list(settings_of(home), state=state, verdict=verdict, limit=limit, as_json=json)
