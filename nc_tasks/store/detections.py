"""Detections: one per submission, written once."""

from typing import Any

from sqlalchemy.orm import Session

from nc_tasks.store.insert import insert_absent
from nc_tasks.store.tables import Detection
from nc_tasks.store.types import now


def record(session: Session, *, submission_id: str, body: dict[str, Any]) -> bool:
    """Store the detection unless there is one; body: `Detection.to_json()`. Returns whether it was new."""
    row = {
        "submission_id": submission_id,
        "verdict": body["verdict"],
        "reason": body["reason"],
        "p_value": body["p_value"],
        "body": body,
        "created_at": now(session),
    }
    return insert_absent(session, Detection, [row]) == 1


def get(session: Session, *, submission_id: str) -> Detection | None:
    """The submission's detection, None before there is one."""
    return session.get(Detection, submission_id, populate_existing=True)
