"""Preparations: intake and preflight of a submission, claimed by one worker at a time."""

from sqlalchemy.orm import Session

from nc_tasks.store import leases, submissions
from nc_tasks.store.insert import insert_absent
from nc_tasks.store.tables import Preparation


def claim(
    session: Session, *, submission_id: str, worker_id: str, lease_seconds: float, max_attempts: int
) -> int | None:
    """Take the preparation and return the attempt; None: it has ended (perhaps as failed) or a worker has it.

    One that was given up fails its submission. Nothing is claimed of a submission that is prepared or has ended.
    """
    if submissions.get(session, submission_id=submission_id).state not in ("queued", "preparing"):
        return None
    insert_absent(session, Preparation, [{"submission_id": submission_id}])
    attempt = leases.claim(
        session,
        Preparation,
        (submission_id,),
        worker_id=worker_id,
        lease_seconds=lease_seconds,
        max_attempts=max_attempts,
    )
    row = session.get_one(Preparation, submission_id, populate_existing=True)
    if attempt is not None:
        submissions.set_state(session, submission_id=submission_id, state="preparing")
    elif row.state == "failed" and row.reason is not None:
        submissions.fail(session, submission_id=submission_id, reason=row.reason)
    return attempt


def renew(session: Session, *, submission_id: str, attempt: int, lease_seconds: float) -> bool:
    """Prolong the lease; False: the preparation is no longer this attempt's, stop."""
    key = (submission_id,)
    return leases.renew(session, Preparation, key, attempt=attempt, lease_seconds=lease_seconds, values={})


def finish(session: Session, *, submission_id: str, attempt: int) -> bool:
    """End it, in the transaction that writes what it found; False: it is no longer this attempt's."""
    return leases.finish(session, Preparation, (submission_id,), attempt=attempt, values={"state": "done"})
