"""Preparations: intake and preflight of a submission, claimed by one worker at a time."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from nc_tasks.store.rows import leases, lifecycle, submissions
from nc_tasks.store.tables import Preparation, Submission


def claim(
    session: Session, *, submission_id: str, worker_id: str, lease_seconds: float, max_attempts: int
) -> int | None:
    """Take the preparation and return the attempt; None: it has ended (perhaps as failed) or a worker has it.

    Nothing is claimed of a submission that is prepared or has ended.
    """
    if submissions.get(session, submission_id=submission_id).state not in ("queued", "preparing"):
        return None
    attempt = leases.claim(
        session,
        Preparation,
        (submission_id,),
        worker_id=worker_id,
        lease_seconds=lease_seconds,
        max_attempts=max_attempts,
    )
    if attempt is not None:
        lifecycle.set_state(session, submission_id=submission_id, state="preparing")
    return attempt


def has_ended(session: Session, *, submission_id: str) -> bool:
    """Whether what it found is stored."""
    row = session.get(Preparation, submission_id, populate_existing=True)
    return row is not None and row.state == "done"


def fail_given_up(session: Session) -> list[str]:
    """Fail the submissions whose preparation was given up; returns them."""
    query = select(Submission.id, Preparation.reason).join(Preparation).where(Preparation.state == "failed")
    rows = session.execute(query.where(Submission.state.in_(("queued", "preparing")))).all()
    for submission_id, reason in rows:
        lifecycle.fail(session, submission_id=submission_id, reason=reason or "preparing failed")
    return [submission_id for submission_id, _ in rows]


def renew(session: Session, *, submission_id: str, attempt: int, lease_seconds: float) -> bool:
    """Prolong the lease; False: the preparation is no longer this attempt's, stop."""
    key = (submission_id,)
    return leases.renew(session, Preparation, key, attempt=attempt, lease_seconds=lease_seconds, values={})


def finish(session: Session, *, submission_id: str, attempt: int) -> bool:
    """End it, in the transaction that writes what it found; False: it is no longer this attempt's."""
    return leases.finish(session, Preparation, (submission_id,), attempt=attempt, values={"state": "done"})
