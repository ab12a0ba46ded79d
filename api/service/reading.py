"""What several routes read of one submission."""

from typing import Any

from sqlalchemy.orm import Session

from api.service.callers import Caller
from nc_tasks.errors import NotFound, WrongState
from nc_tasks.store import Submission
from nc_tasks.store.queries import findings
from nc_tasks.store.rows import detections, submissions
from nc_tasks.views.labels import labels_of
from nc_tasks.views.results import result_json


def seen(session: Session, caller: Caller, submission_id: str) -> Submission:
    """The submission, if the caller may see it; raises NoSuchSubmission."""
    return submissions.get(session, submission_id=submission_id, owner=caller.sees)


def judged(session: Session, caller: Caller, submission_id: str) -> Submission:
    """The submission with its verdict; raises NoSuchSubmission, and WrongState before there is one."""
    submission = seen(session, caller, submission_id)
    if detections.get(session, submission_id=submission_id) is None:
        raise WrongState(f"submission {submission_id} is {submission.state} and has no verdict")
    return submission


def result_of(session: Session, caller: Caller, submission_id: str) -> dict[str, Any]:
    """result.json; raises NoSuchSubmission, and WrongState before there is a verdict."""
    judged(session, caller, submission_id)
    return result_json(session, submission_id)


def label_list(session: Session, caller: Caller, submission_id: str) -> list[dict[str, Any]]:
    """Every label as it stands now; raises NoSuchSubmission."""
    submission = seen(session, caller, submission_id)
    return labels_of(session, submission)


def trigger_of(session: Session, caller: Caller, submission_id: str, label: int) -> tuple[Submission, str]:
    """The submission, and the digest of the label's reversed trigger; raises NotFound without one."""
    submission = seen(session, caller, submission_id)
    rows = findings.latest(session, submission_id=submission_id, label=label)
    if not rows:
        raise NotFound(f"submission {submission_id} has no label {label}")
    if rows[0].state != "done" or rows[0].trigger_sha256 is None:
        raise NotFound(f"label {label} of submission {submission_id} is {rows[0].state} and has no trigger")
    return submission, rows[0].trigger_sha256
