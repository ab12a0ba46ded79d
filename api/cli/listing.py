"""`cleanse list`: the submissions."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.backends import opened
from api.cli.arguments import Home, Json, Server
from api.cli.terminal import local_time, out, print_json, printable, table
from api.client.types import Submission
from nc_core.results.numbers import MISSING

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

State = Literal["queued", "preparing", "inverting", "repairing", "done", "refused", "failed", "cancelled"]
Verdict = Literal["backdoored", "clean", "inconclusive"]
NAMES = ("model", "data")
"""Columns that are shortened where a line has no room."""
DISPENSABLE = ("data", "created")
"""Columns that fall away in this order where names would have fewer letters than the shortest."""
SHORTEST_NAME = 12
GAP = 2
"""Letters between two columns."""


def moment(text: str) -> datetime:
    """A time with its zone; a usage error for what is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is no time: write one such as 2026-01-31 or 2026-01-31T12:00:00Z") from None


def digest(text: str | None) -> str | None:
    """A sha256 in hex; a usage error for anything else."""
    if text is None or re.fullmatch("[0-9a-f]{64}", text):
        return text
    raise typer.BadParameter(f"{text!r} is no sha256: pass its 64 hexadecimal digits in lower case")


def list_submissions(
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    verdict: Annotated[Verdict | None, typer.Option("--verdict", help="Only those with this verdict.")] = None,
    flagged_label: Annotated[
        int | None, typer.Option("--flagged-label", min=0, help="Only those that flag this label.")
    ] = None,
    model_sha256: Annotated[
        str | None, typer.Option("--model-sha256", metavar="DIGEST", callback=digest, help="Only those of this model.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="ID", help="Only those with this registered data, by id or name.")
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="Only those with this in a file's name, or whose id begins so.")
    ] = None,
    created_after: Annotated[
        datetime | None,
        typer.Option("--created-after", metavar="TIME", parser=moment, help="Only those from this time on."),
    ] = None,
    created_before: Annotated[
        datetime | None,
        typer.Option("--created-before", metavar="TIME", parser=moment, help="Only those from before this time."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 20,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """List submissions, newest first.

    A TIME is a date or a time as 2026-01-31, 2026-01-31T12:00 or 2026-01-31T12:00:00Z; of this machine's zone unless it
    says another.
    """
    filters = {
        "state": state,
        "verdict": verdict,
        "flagged_label": flagged_label,
        "model_sha256": model_sha256,
        "dataset": dataset,
        "text": text,
        "created_after": created_after,
        "created_before": created_before,
    }
    with opened(home, server) as backend:
        found = backend.recent(limit=limit, **filters)
    if json:
        print_json(found)
    else:
        out.print(_table(found, out.width) if found else "No submissions.")


def _table(found: Sequence[Submission], width: int) -> "Table":
    """One line a submission: names are shortened to what is left of the width, and columns fall away before ids do."""
    rows = [_row(one) for one in found]
    columns = list(rows[0])
    for dispensable in DISPENSABLE:
        if _room(rows, columns, width) < SHORTEST_NAME:
            columns.remove(dispensable)
    room = max(SHORTEST_NAME, _room(rows, columns, width))
    shown = table(*columns)
    for row in rows:
        shown.add_row(*(_shortened(row[name], room) if name in NAMES else row[name] for name in columns))
    for column in shown.columns:
        column.no_wrap = True
    return shown


def _row(one: Submission) -> dict[str, str]:
    return {
        "id": one["id"],
        "state": one["state"],
        "verdict": one["verdict"] or MISSING,
        "model": printable(one["model"]["name"]),
        "data": printable(one["data"]["name"]),
        "created": local_time(one["created_at"]),
    }


def _room(rows: Sequence[dict[str, str]], columns: Sequence[str], width: int) -> int:
    """Letters that each column of names can have beside the others."""
    others = [name for name in columns if name not in NAMES]
    taken = sum(max(len(name), *(len(row[name]) for row in rows)) for name in others)
    return (width - taken - GAP * (len(columns) - 1)) // (len(columns) - len(others))


def _shortened(name: str, room: int) -> "Text":
    from rich.text import Text

    text = Text(name)
    text.truncate(room, overflow="ellipsis")
    return text
