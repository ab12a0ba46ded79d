"""The result of a submission as the contract's result.json, from SQL alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nc_core.results.names import ELSEWHERE
from nc_tasks.request.commands import commands_of
from nc_tasks.request.options import ScanOptions
from nc_tasks.store import Detection, Mitigation, Submission
from nc_tasks.store.queries import findings
from nc_tasks.store.queries.findings import LabelTotals
from nc_tasks.store.rows import detections, mitigations, submissions
from nc_tasks.store.tables.types import now
from nc_tasks.views.labels import LabelVerdicts, class_names_of, label_verdicts, labels_json, told
from nc_tasks.views.planning import plan_of
from nc_tasks.views.repairs import mitigation_json, targets_in

SCHEMA = 1


def result_json(session: Session, submission_id: str) -> dict[str, Any]:
    """The result of a submission that has a verdict, as of now; raises ValueError for one that has none yet.

    `state` says whether it has ended. While its repairs run there is none: `mitigation` is null.
    """
    submission = submissions.get(session, submission_id=submission_id)
    detection = detections.get(session, submission_id=submission_id)
    if detection is None:
        raise ValueError(f"submission {submission_id} has no verdict yet, its state is {submission.state}")
    verdicts = label_verdicts(session, detection)
    rows = findings.latest(session, submission_id=submission_id)
    totals, rounds = findings.totals(session, submission_id=submission_id), plan_of(submission)
    screened = findings.screened(session, submission_id=submission_id, rounds=rounds)
    repairs = mitigations.of_submission(session, submission_id=submission_id)
    return {
        **summary_json(submission, detection, verdicts, repairs),
        "timing": _timing(submission, detection, totals, moment=now(session)),
        "labels": labels_json(rows, totals, rounds, verdicts, class_names_of(submission), screened),
    }


def summary_json(
    submission: Submission, detection: Detection, verdicts: LabelVerdicts, repairs: list[Mitigation]
) -> dict[str, Any]:
    """All of the result but its labels and what they took: of a thousand labels that is most of the work."""
    body = detection.body
    return {
        "schema": SCHEMA,
        "submission": submission.id,
        "state": submission.state,
        "verdict": body["verdict"],
        "reason": told(submission, body["reason"]),
        "not_covered": body["not_covered"],
        "flagged_labels": list(verdicts.flagged),
        "class_names": class_names_of(submission),
        "followers": list(verdicts.followers),
        "suspects": body.get("suspects", []),
        "class_map": body.get("class_map"),
        "doubts": body.get("doubts", []),
        "ranges": _ranges(body),
        "judged_at": detection.created_at.isoformat(timespec="seconds"),
        **{name: body[name] for name in ("anomaly_index", "log_z", "p_value", "threshold")},
        "rules": [told(submission, rule) for rule in body["rules"]],
        "reference_size": body["reference_size"],
        "evidence": body.get("evidence", []),
        "shares": body.get("shares", {}),
        "level": body.get("level"),
        "preflight": _preflight(submission),
        "mitigation": None if submission.state == "repairing" else _mitigation(submission, repairs, body),
        "model": {
            "name": submission.model_name,
            "sha256": submission.model_sha256,
            "scanned_sha256": submission.scanned_sha256,
            "classes": submission.classes,
            "input_shape": submission.input_shape,
            "parameters": submission.parameters,
        },
        "data": {
            "name": submission.data_name,
            "sha256": submission.data_sha256,
            "class_order": (submission.preflight or {}).get("class_order", "given"),
        },
        "versions": submission.versions,
        "options": submission.options,
        "commands": commands_for(submission),
        "seed": submission.options["seed"],
        "profile": submission.options["profile"],
        "slots": submission.slots,
    }


def commands_for(submission: Submission) -> dict[str, str] | None:
    """The commands that repeat the scan of this submission."""
    return commands_of(
        model=submission.model_name,
        data=submission.data_name,
        poisoned=[file["name"] for file in submission.poisoned],
        options=ScanOptions(**submission.options),
    )


def _ranges(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The value ranges that were scanned, in short; verdicts of earlier versions name none."""
    return [{name: value for name, value in one.items() if name != "labels"} for one in body.get("ranges", ())]


def _preflight(submission: Submission) -> dict[str, Any]:
    """What preflight found; what did not come true of it is among the warnings."""
    found = {name: value for name, value in (submission.preflight or {}).items() if name not in ELSEWHERE}
    planned = found.get("slots", submission.slots)
    if submission.slots == planned:
        return found
    fewer = (
        f"the device ran out of memory with {planned} labels in one batch and went on with {submission.slots}: with "
        f"--slots {submission.slots} from the start norms may differ a little"
    )
    return {**found, "warnings": [*found["warnings"], fewer]}


def _mitigation(submission: Submission, repairs: list[Mitigation], body: Mapping[str, Any]) -> dict[str, Any] | None:
    """What repairs have noted, too, names labels as people call them."""
    found = mitigation_json(repairs, targets_in(body)[0])
    for repair in () if found is None else (found, *found["candidates"]):
        if "notes" in repair:
            repair["notes"] = [told(submission, note) for note in repair["notes"]]
    return found


def _timing(
    submission: Submission, detection: Detection, totals: Mapping[int, LabelTotals], *, moment: datetime
) -> dict[str, Any]:
    """What it took; what has not ended took until `moment`."""
    began, ended = submission.started_at, submission.finished_at or moment
    total = (ended - began).total_seconds() if began else 0.0
    since = submission.inverting_at
    inversion = (detection.created_at - since).total_seconds() if since else 0.0
    return {
        "total_seconds": total,
        "inversion_seconds": inversion,
        "gradient_images": sum(label.gradient_images for label in totals.values()),
    }
