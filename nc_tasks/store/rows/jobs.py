"""Jobs: work outside a scan, such as classifying images and planting a backdoor."""

from secrets import token_hex
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from nc_tasks.errors import NotFound
from nc_tasks.store.rows import leases
from nc_tasks.store.tables import LOCAL, Job
from nc_tasks.store.tables.states import JOB_ENDS, JobKind, JobState
from nc_tasks.store.tables.types import now


def create(session: Session, *, kind: JobKind, arguments: dict[str, Any], owner: str = LOCAL) -> Job:
    """Queue a job."""
    moment = now(session)
    # Who queues it sends the message; if that never comes, the sweeper does.
    job = Job(id=token_hex(6), owner=owner, kind=kind, arguments=arguments, created_at=moment, published_at=moment)
    session.add(job)
    session.flush()
    return job


def get(session: Session, *, job_id: str, owner: str | None = None) -> Job:
    """The job with this id, of this owner (None: anybody's); raises NotFound."""
    job = session.get(Job, job_id, populate_existing=True)
    if job is None or owner not in (None, job.owner):
        raise NotFound(f"no job has the id {job_id!r}")
    return job


def claim(session: Session, *, job_id: str, worker_id: str, lease_seconds: float, max_attempts: int) -> int | None:
    """Take the job and return the attempt; None: it has ended (perhaps just now) or a worker has it."""
    return leases.claim(
        session, Job, (job_id,), worker_id=worker_id, lease_seconds=lease_seconds, max_attempts=max_attempts
    )


def heartbeat(session: Session, *, job_id: str, attempt: int, lease_seconds: float, progress: float) -> bool:
    """Renew the lease and write the progress, 0..1; False: the job is no longer this attempt's, stop."""
    values = {"progress": progress}
    return leases.renew(session, Job, (job_id,), attempt=attempt, lease_seconds=lease_seconds, values=values)


def finish(
    session: Session,
    *,
    job_id: str,
    attempt: int,
    state: JobState,
    result: dict[str, Any] | None = None,
    reason: str | None = None,
) -> bool:
    """Write the job's end; False: it is no longer this attempt's, and nothing was written."""
    if state not in JOB_ENDS:
        raise ValueError(f"a job cannot end in state {state!r}; the ends are {', '.join(JOB_ENDS)}")
    values: dict[str, Any] = {
        "state": state,
        "result": result,
        "reason": reason,
        "progress": 1.0,
        "finished_at": now(session),
    }
    return leases.finish(session, Job, (job_id,), attempt=attempt, values=values)


def unfinished(session: Session) -> list[str]:
    """Ids of the jobs that have not ended, oldest first."""
    query = select(Job.id).where(Job.state.not_in(JOB_ENDS)).order_by(Job.created_at, Job.id)
    return list(session.scalars(query))
