"""The result of a submission as the contract's result.json, from SQL alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nc_core.choice import Candidate, Choice, choose
from nc_core.scanning.rounds import Plan
from nc_tasks.store import Detection, Mitigation, Submission
from nc_tasks.store.queries import findings
from nc_tasks.store.queries.findings import Finding, LabelTotals
from nc_tasks.store.rows import detections, mitigations, submissions
from nc_tasks.store.tables.states import LABEL_ENDS
from nc_tasks.store.tables.types import now
from nc_tasks.views.planning import plan_of

SCHEMA = 1


def result_json(session: Session, submission_id: str) -> dict[str, Any]:
    """The result of a submission that has a verdict, as of now; raises ValueError for one that has none yet.

    `state` says whether it has ended. While its repairs run there is none: `mitigation` is null.
    """
    submission = submissions.get(session, submission_id=submission_id)
    detection = detections.get(session, submission_id=submission_id)
    if detection is None:
        raise ValueError(f"submission {submission_id} has no verdict yet, its state is {submission.state}")
    rows = findings.latest(session, submission_id=submission_id)
    totals = findings.totals(session, submission_id=submission_id)
    repairs = mitigations.of_submission(session, submission_id=submission_id)
    return {
        **summary_json(submission, detection, repairs),
        "timing": _timing(submission, detection, totals, moment=now(session)),
        "labels": labels_json(rows, totals, plan_of(submission), detection),
    }


def summary_json(submission: Submission, detection: Detection, repairs: list[Mitigation]) -> dict[str, Any]:
    """All of the result but its labels and what they took: of a thousand labels that is most of the work."""
    body = detection.body
    return {
        "schema": SCHEMA,
        "submission": submission.id,
        "state": submission.state,
        **{name: body[name] for name in ("verdict", "reason", "not_covered", "flagged_labels")},
        "suspects": body.get("suspects", []),
        "doubts": body.get("doubts", []),
        "ranges": _ranges(body),
        "judged_at": detection.created_at.isoformat(timespec="seconds"),
        **{name: body[name] for name in ("anomaly_index", "log_z", "p_value", "threshold")},
        **{name: body[name] for name in ("rules", "reference_size")},
        "evidence": body.get("evidence", []),
        "shares": body.get("shares", {}),
        "preflight": _preflight(submission),
        "mitigation": None if submission.state == "repairing" else _mitigation(repairs, body["flagged_labels"]),
        "model": {
            "name": submission.model_name,
            "sha256": submission.model_sha256,
            "scanned_sha256": submission.scanned_sha256,
            "classes": submission.classes,
            "input_shape": submission.input_shape,
            "parameters": submission.parameters,
        },
        "data": {"name": submission.data_name, "sha256": submission.data_sha256},
        "versions": submission.versions,
        "options": submission.options,
        "seed": submission.options["seed"],
        "profile": submission.options["profile"],
        "slots": submission.slots,
    }


def _ranges(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The value ranges that were scanned, in short; verdicts of earlier versions name none."""
    return [{name: value for name, value in one.items() if name != "labels"} for one in body.get("ranges", ())]


def _preflight(submission: Submission) -> dict[str, Any]:
    """What preflight found; what did not come true of it is among the warnings."""
    found = submission.preflight or {}
    planned = found.get("slots", submission.slots)
    if submission.slots == planned:
        return found
    fewer = (
        f"the device ran out of memory with {planned} labels in one batch and went on with {submission.slots}: with "
        f"--slots {submission.slots} from the start norms may differ a little"
    )
    return {**found, "warnings": [*found["warnings"], fewer]}


UNJUDGED: dict[str, Any] = {"anomaly_index": None, "log_z": None, "flagged": False, "rules": []}


def labels_json(
    rows: Sequence[Finding], totals: Mapping[int, LabelTotals], rounds: Plan, detection: Detection | None
) -> list[dict[str, Any]]:
    """The labels as result.json has them; of a scan that is not judged yet, without indices."""
    indices = {} if detection is None else {entry["label"]: entry for entry in detection.body["labels"]}
    doubts = {row.label: findings.doubt_of(row) for row in rows if row.state in LABEL_ENDS}
    return [
        {
            "label": row.label,
            "state": row.state,
            "round": row.round,
            "norm": row.norm if row.state == "done" else None,
            "norms": row.norms if row.state == "done" else None,
            **{name: indices.get(row.label, UNJUDGED)[name] for name in UNJUDGED},
            "attack_success_rate": row.attack_success_rate if row.state == "done" else None,
            "reference": row.label in rounds.reference,
            "updates": totals[row.label].updates,
            "seconds": totals[row.label].seconds,
            "outcome": row.label in doubts
            and (doubts[row.label] is None or indices.get(row.label, UNJUDGED)["flagged"]),
            "reason": row.reason or doubts.get(row.label),
            "evidence": row.evidence,
        }
        for row in rows
    ]


def _mitigation(repairs: list[Mitigation], flagged: Sequence[int]) -> dict[str, Any] | None:
    """The repair that is kept with all candidates; where none is, why not, and which came closest."""
    if not repairs:
        return None
    choice, kept = choice_of(repairs, flagged), kept_repair(repairs)
    told: dict[str, Any] = {
        "candidates": [_candidate(row) for row in repairs if row.body is not None],
        "failed": [{"method": row.method, "reason": row.reason} for row in repairs if row.state == "failed"],
        "reason": choice.reason if choice else None,
        "closest": choice.closest if choice else None,
    }
    return {"method": None, **told} if kept is None else {**_candidate(kept), **told}


def _candidate(row: Mitigation) -> dict[str, Any]:
    body = row.body or {}
    return {**body, "goodnet_sha256": row.goodnet_sha256, "comparison": row.comparison, "kept": row.kept}


def choice_of(repairs: list[Mitigation], flagged: Sequence[int]) -> Choice | None:
    """The rule's choice among the repairs that have ended with a net; None where none has. flagged: labels."""
    # What an earlier version has stored was kept without a bound.
    candidates = [_measured(row, flagged) for row in repairs if row.body is not None and "bound" in row.body]
    return choose(candidates) if candidates else None


def _measured(row: Mitigation, flagged: Sequence[int]) -> Candidate:
    """A repair as the rule sees it. By itself it has met the triggers of the scan alone.

    Of those a suspect's counts only where the comparison says that it is small: a clean label's works on any net.
    """
    body, comparison = row.body or {}, row.comparison or {}
    own = [body["reversed_attack_success_rate_after"][str(label)] for label in flagged]
    met = [entry["attack_success_rate"] for entry in comparison.get("triggers", [])]
    bound = body["bound"]
    return Candidate(
        method=row.method,
        attack=max([*own, *met]),
        accuracy=bound["after"],
        least=bound["least"],
        repairs=row.goodnet_sha256 is not None,
    )


def kept_repair(repairs: list[Mitigation]) -> Mitigation | None:
    """The repair whose GoodNet is handed out; None where none succeeded."""
    return next((row for row in repairs if row.kept), None)


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
