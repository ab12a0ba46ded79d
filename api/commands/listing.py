"""`cleanse list`: the submissions."""

from typing import Annotated, Literal

import typer

from api.arguments import Home, Json, Server

State = Literal["queued", "preparing", "inverting", "repairing", "done", "refused", "failed", "cancelled"]
Verdict = Literal["backdoored", "clean", "inconclusive"]


def list_submissions(
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    verdict: Annotated[Verdict | None, typer.Option("--verdict", help="Only those with this verdict.")] = None,
    flagged_label: Annotated[
        int | None, typer.Option("--flagged-label", min=0, help="Only those that flag this label.")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="Only those with this in a file's name, or whose id begins so.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """List submissions, newest first."""
    from api.backends import opened
    from api.showing import show_list

    filters = {"state": state, "verdict": verdict, "flagged_label": flagged_label, "text": text}
    with opened(home, server) as backend:
        show_list(backend, limit=limit, as_json=json, **filters)
