"""`cleanse show`, `cleanse labels`: one submission, and every label of it."""

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Literal

import typer

from api.backends import Backend, opened
from api.cli.arguments import Home, Json, Server, SubmissionId
from api.cli.terminal import out, print_json, printable, table
from api.client.types import Label, Submission
from nc_core.results.names import row_named
from nc_core.results.numbers import count, hundredths, percent, significant
from nc_core.results.summary import summary

State = Literal["queued", "running", "done", "not_converged", "screened_out", "failed", "cancelled"]
ROWS = 20
"""Labels in the table of one submission, smallest norm first."""


def show(submission: SubmissionId, home: Home = None, server: Server = None, json: Json = False) -> None:
    """Show one submission: how far it is, or its result."""
    with opened(home, server) as backend:
        found = backend.find(submission)
        result = backend.result(found["id"])
        if json:
            print_json(result or found)
            return
        out.print(f"Submission {found['id']}: {found['state']}")
        out.print(f"  model {printable(found['model']['name'])}, data {printable(found['data']['name'])}")
        if found["reason"]:
            out.print(f"  {printable(found['reason'])}")
        if result is None or found["state"] != "done":
            _print_progress(backend, found)
        if result is not None:
            for line in summary(result):
                out.print(printable(line))
            out.print()
            _print_labels(result["labels"], ROWS)


def labels(
    submission: SubmissionId,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Show all labels of a submission as far as they are, smallest norm first."""
    with opened(home, server) as backend:
        found = backend.labels(backend.find(submission)["id"])
    found = [label for label in found if state in (None, label["state"])]
    if json:
        print_json(found)
    elif found:
        _print_labels(found, len(found))
    else:
        out.print("No labels.")


def _print_progress(backend: Backend, submission: Submission) -> None:
    from api.progress.snapshot import NAMES, detail, shares

    for seen in islice(backend.watch(submission["id"]), 1):
        if seen.phase is not None:
            share = f"{100 * shares(seen)[seen.phase]:.0f}%"
            text = ", ".join(part for part in (share, detail(seen.phase, seen)) if part)
            out.print(f"  {NAMES[seen.phase]}: {text}")


def _print_labels(labels: Sequence[Label], most: int) -> None:
    rows = sorted(labels, key=lambda row: (row["norm"] is None, row["norm"] or 0.0, row["label"]))
    shown = table()
    for name in ("label", "state", "norm", "attack rate", "index", "log z"):
        shown.add_column(name, justify="left" if name == "state" else "right")
    for row in rows[:most]:
        figures = (significant(row["norm"]), percent(row["attack_success_rate"]))
        indices = (hundredths(row["anomaly_index"]), hundredths(row["log_z"]))
        shown.add_row(
            printable(row_named(row)), row["state"], *figures, *indices, style="red" if row["flagged"] else None
        )
    out.print(shown)
    if len(rows) > most:
        out.print(f"{count(len(rows) - most, 'more label')}; --json has all of them.")
