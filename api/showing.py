"""Prints what the store knows: one submission, or the latest."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.table import Table

from api.numbers import MISSING, hundredths, percent, significant
from api.progress import NAMES, detail, shares
from api.summary import summary
from api.terminal import out, printable
from api.watching import snapshot
from nc_tasks.results import result_json
from nc_tasks.settings import Settings
from nc_tasks.store import Store, Submission, detections, open_store, submissions
from nc_tasks.store.states import SubmissionState, Verdict

ROWS = 20
"""Labels in the table of one submission, smallest norm first."""


def show_submission(settings: Settings, prefix: str, *, as_json: bool) -> None:
    """Print a submission's result, or how far it is; raises NoSuchSubmission, AmbiguousSubmission."""
    store = open_store(settings)
    try:
        with store.read() as session:
            submission = submissions.find(session, prefix=prefix)
            judged = detections.get(session, submission_id=submission.id) is not None
            result = result_json(session, submission.id) if judged else None
        if as_json:
            print(json.dumps(result or row_json(submission, None), indent=2))
            return
        _print_facts(submission)
        if result is None or submission.state != "done":
            _print_progress(store, submission)
        if result is not None:
            _print_result(result)
    finally:
        store.close()


def show_list(
    settings: Settings,
    *,
    state: SubmissionState | None,
    verdict: Verdict | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print the latest submissions."""
    store = open_store(settings)
    try:
        with store.read() as session:
            rows = submissions.recent(session, state=state, verdict=verdict, limit=limit)
    finally:
        store.close()
    if as_json:
        print(json.dumps([row_json(*row) for row in rows], indent=2))
    elif rows:
        out.print(_list_table(rows))
    else:
        out.print("No submissions.")


def row_json(submission: Submission, verdict: str | None) -> dict[str, Any]:
    """A submission as `list --json` prints it; times in UTC, ISO 8601."""
    return {
        "id": submission.id,
        "state": submission.state,
        "verdict": verdict,
        "reason": submission.reason,
        "model": {"name": submission.model_name, "sha256": submission.model_sha256},
        "data": {"name": submission.data_name, "sha256": submission.data_sha256},
        "options": submission.options,
        "created_at": _iso(submission.created_at),
        "started_at": _iso(submission.started_at),
        "finished_at": _iso(submission.finished_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _list_table(rows: list[tuple[Submission, str | None]]) -> Table:
    table = Table("id", "state", "verdict", "model", "data", "created", box=None, pad_edge=False)
    for submission, verdict in rows:
        created = submission.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
        names = (printable(submission.model_name), printable(submission.data_name))
        table.add_row(submission.id, submission.state, verdict or MISSING, *names, created)
    return table


def _print_facts(submission: Submission) -> None:
    out.print(f"Submission {submission.id}: {submission.state}")
    out.print(f"  model {printable(submission.model_name)}, data {printable(submission.data_name)}")
    if submission.reason:
        out.print(f"  {printable(submission.reason)}")


def _print_progress(store: Store, submission: Submission) -> None:
    with store.read() as session:
        seen = snapshot(session, submission.id)
    if seen.phase is not None:
        share = f"{100 * shares(seen)[seen.phase]:.0f}%"
        told = ", ".join(part for part in (share, detail(seen.phase, seen)) if part)
        out.print(f"  {NAMES[seen.phase]}: {told}")


def _print_result(result: Mapping[str, Any]) -> None:
    for line in summary(result):
        out.print(printable(line))
    rows = sorted(result["labels"], key=lambda row: (row["norm"] is None, row["norm"] or 0.0, row["label"]))
    table = Table(box=None, pad_edge=False)
    for name in ("label", "state", "norm", "attack rate", "index", "log z"):
        table.add_column(name, justify="left" if name == "state" else "right")
    for row in rows[:ROWS]:
        figures = (significant(row["norm"]), percent(row["attack_success_rate"]))
        indices = (hundredths(row["anomaly_index"]), hundredths(row["log_z"]))
        table.add_row(str(row["label"]), row["state"], *figures, *indices, style="red" if row["flagged"] else None)
    out.print()
    out.print(table)
    if len(rows) > ROWS:
        out.print(f"{len(rows) - ROWS} more labels; --json has all of them.")
