"""One submission as its page shows it: how far it is, or what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from api.pages import evidence, repairs
from api.pages.cells import grid
from api.pages.norms import charts_of, rows_of
from api.progress.snapshot import NAMES, PHASES, detail, shares
from api.progress.watching import snapshot
from nc_core.results import scanned
from nc_core.results.files import available_files
from nc_core.results.numbers import MISSING, count, significant
from nc_core.results.ranges import doubts_of, range_facts
from nc_core.results.report import view
from nc_core.results.report.charts import Row
from nc_core.results.report.limits import limits_of
from nc_tasks.files import ArtefactStore
from nc_tasks.store import Mitigation, Submission
from nc_tasks.store.queries.lineage import lineage
from nc_tasks.store.rows import batches, detections, mitigations
from nc_tasks.store.rows.batches import Together
from nc_tasks.store.tables.states import LABEL_ENDS, RESULTS, SUBMISSION_ENDS
from nc_tasks.views.labels import label_verdicts
from nc_tasks.views.results import commands_for, summary_json

TITLES = {
    "queued": "Waits for a worker",
    "preparing": "The model is being read",
    "inverting": "Triggers are being reversed",
    "repairing": "The model is being repaired",
    "done": "Done",
    "refused": "The input was refused",
    "failed": "The scan failed",
    "cancelled": "Cancelled",
}
WITHOUT_LABELS = {
    "queued": "The labels are known once a worker has read the model. Nothing happens? `cleanse up` starts workers.",
    "preparing": "The labels are known once the model is read and was tried on the clean data.",
}
SHOWN = 24
"""Parts of an option that are written out: labels may be a thousand ranges."""
ENDED_EARLY = "It ended before its labels were known. The reason stands above; mend it and submit again."


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One phase of a scan under way. share: done of it, 0..1."""

    key: str
    name: str
    share: float
    detail: str


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file that the submission has to give."""

    name: str
    address: str


def shown(session: Session, artefacts: ArtefactStore, submission: Submission, *, owner: str | None) -> dict[str, Any]:
    """What the page's template wants. owner: whose relatives are named."""
    detection = detections.get(session, submission_id=submission.id)
    ended = submission.state in SUBMISSION_ENDS
    made = mitigations.of_submission(session, submission_id=submission.id)
    verdicts = label_verdicts(session, detection)
    rows = rows_of(session, submission, verdicts)
    result = None if detection is None else {**summary_json(submission, detection, verdicts, made), "labels": rows}
    return {
        "submission": submission,
        "result": result,
        "ended": ended,
        "cells": grid(submission.id, rows),
        "labels": len(rows),
        "counted": _counted(rows),
        "no_labels": WITHOUT_LABELS.get(submission.state, ENDED_EARLY),
        "charts": charts_of(submission, result, rows),
        "kin": lineage(session, submission=submission, owner=owner),
        "batch": _batch(session, submission.id, owner),
        "facts": _facts(submission),
        "commands": commands_for(submission),
        "phases": [] if ended else _phases(session, submission.id),
        "can": {"cancel": not ended, "retry": ended and _retriable(submission, rows, made)},
        "downloads": _downloads(submission.id, result) if result and ended else [],
        **_banner(submission, result),
        "limits": None if result is None else limits_of(result),
        **evidence.shown(session, artefacts, submission, result),
        **repairs.shown(submission, result if ended else None, made),
    }


def _batch(session: Session, submission_id: str, owner: str | None) -> Together | None:
    """The batch that it was handed in with last, if whoever looks may see that."""
    batch = batches.latest_with(session, submission_id=submission_id)
    return batch if batch is not None and owner in (None, batch.owner) else None


def _banner(submission: Submission, result: Mapping[str, Any] | None) -> dict[str, Any]:
    """Headline and sentences of the banner."""
    if result is None:
        return {
            "verdict": None,
            "doubts": [],
            "ranges": [],
            "title": TITLES[submission.state],
            "lead": submission.reason,
            "advice": None,
            "about": None,
            "files": [],
            "warnings": [],
            "figures": [],
        }
    advice = view.advice(result) if submission.state == "done" else f"{TITLES[submission.state]}."
    return {
        "verdict": result["verdict"],
        "title": view.TITLES[result["verdict"]],
        "lead": result["reason"],
        "doubts": doubts_of(result),
        "ranges": range_facts(result),
        "advice": f"{view.flagged_sentence(result)} {advice}",
        "about": scanned.about(result),
        "files": scanned.files_of(result),
        "warnings": result["preflight"].get("warnings", []),
        "figures": view.figures(result),
    }


def _counted(rows: Sequence[Row]) -> str:
    ended = sum(row["state"] in LABEL_ENDS for row in rows)
    return f"{ended:,} of {count(len(rows), 'label')} have ended"


def _phases(session: Session, submission_id: str) -> list[Phase]:
    seen = snapshot(session, submission_id)
    done = shares(seen)
    return [Phase(key=key, name=NAMES[key], share=done[key], detail=detail(key, seen)) for key in PHASES]


def _retriable(submission: Submission, rows: Sequence[Row], made: Sequence[Mitigation]) -> bool:
    if submission.state != "done" or submission.scanned_sha256 is None:
        return True
    return any(row["state"] not in RESULTS for row in rows) or any(repair.state == "failed" for repair in made)


def _downloads(submission_id: str, result: Mapping[str, Any]) -> list[Download]:
    names = [file.name for file in available_files(result)]
    return [Download(name=name, address=f"/v1/submissions/{submission_id}/{name}") for name in names]


def _facts(submission: Submission) -> list[tuple[str, str]]:
    shape = submission.input_shape
    changed = {name: value for name, value in submission.options.items() if value not in (None, False, [])}
    return [
        ("Model", submission.model_name),
        ("Model SHA-256", submission.model_sha256),
        (f"{scanned.SCANNED} SHA-256", submission.scanned_sha256 or MISSING),
        ("Classes", MISSING if submission.classes is None else f"{submission.classes:,}"),
        ("Input (height, width, channels)", MISSING if shape is None else " × ".join(map(str, shape))),
        ("Parameters", MISSING if submission.parameters is None else f"{submission.parameters:,}"),
        ("Clean data", submission.data_name),
        ("Data SHA-256", submission.data_sha256),
        ("Options", "; ".join(f"{name.replace('_', ' ')}: {_option(value)}" for name, value in changed.items())),
        ("Submitted", f"{submission.created_at:%Y-%m-%d %H:%M:%S} UTC"),
    ]


def _option(value: Any) -> str:
    if isinstance(value, float):
        return significant(value, 2)
    parts = value if isinstance(value, list) else str(value).split(",")
    return ", ".join(parts[:SHOWN]) + (f" and {len(parts) - SHOWN} more" if len(parts) > SHOWN else "")
