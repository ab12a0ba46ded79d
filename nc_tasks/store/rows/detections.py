"""Detections: one per submission, written once."""

from collections import Counter
from typing import Any

from sqlalchemy.orm import Session

from nc_tasks.store.queries import findings
from nc_tasks.store.rows.statements import insert_absent
from nc_tasks.store.tables import Detection, FlaggedLabel
from nc_tasks.store.tables.types import now


def record(session: Session, *, submission_id: str, body: dict[str, Any]) -> bool:
    """Store the detection unless there is one; body: `Detection.to_json()`. Returns whether it was new.

    With it goes what lists show and searches look at, so that neither reads a thousand labels for one line.
    """
    row = {
        "submission_id": submission_id,
        "verdict": body["verdict"],
        "reason": body["reason"],
        "p_value": body["p_value"],
        **_summary(session, submission_id, body.get("range", 0)),
        "body": body,
        "created_at": now(session),
    }
    new = insert_absent(session, Detection, [row]) == 1
    if new:
        flagged = [{"submission_id": submission_id, "label": label} for label in body["flagged_labels"]]
        insert_absent(session, FlaggedLabel, flagged)
    return new


def get(session: Session, *, submission_id: str) -> Detection | None:
    """The submission's detection, None before there is one."""
    return session.get(Detection, submission_id, populate_existing=True)


def _summary(session: Session, submission_id: str, range: int) -> dict[str, Any]:
    rows = findings.latest(session, submission_id=submission_id, range=range)
    norms = [(row.norm, row.label) for row in rows if row.state == "done" and row.norm is not None]
    norm, label = min(norms, default=(None, None))
    return {"smallest_label": label, "smallest_norm": norm, "label_states": Counter(row.state for row in rows)}
