"""Workers: which processes are there."""

from datetime import timedelta

import psutil
from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session

from nc_tasks.store.rows.leases import LEASED
from nc_tasks.store.rows.statements import changed
from nc_tasks.store.tables import Worker
from nc_tasks.store.tables.types import now


def register(session: Session, *, worker_id: str, queue: str, pid: int, host: str, version: str, slots: int) -> None:
    """Write that the worker is there; a worker that comes again replaces its row."""
    moment = now(session)
    session.merge(
        Worker(
            id=worker_id,
            queue=queue,
            pid=pid,
            host=host,
            version=version,
            slots=slots,
            started_at=moment,
            last_seen=moment,
        )
    )


def seen(session: Session, *, worker_id: str) -> bool:
    """Write that the worker lives; False where it is not registered."""
    statement = update(Worker).where(Worker.id == worker_id).values(last_seen=now(session))
    return changed(session, statement) == 1


def report(session: Session, *, worker_id: str, queue: str, pid: int, host: str, version: str, slots: int) -> None:
    """Write that the worker lives; one that nobody knows, or that was taken for dead, is registered."""
    if not seen(session, worker_id=worker_id):
        register(session, worker_id=worker_id, queue=queue, pid=pid, host=host, version=version, slots=slots)


def live(session: Session, *, within_seconds: float, queue: str | None = None) -> list[Worker]:
    """Workers that were heard of within the last seconds, by id."""
    query = select(Worker).where(Worker.last_seen >= now(session) - timedelta(seconds=within_seconds))
    if queue is not None:
        query = query.where(Worker.queue == queue)
    return list(session.scalars(query.order_by(Worker.id)))


def dead(session: Session, *, host: str, silent_seconds: float, idle_seconds: float, lease_seconds: float) -> list[str]:
    """Workers that were not heard of for a lease, and those of this host whose process is gone, a little earlier.

    Other hosts' processes cannot be asked. Nor is one of this host called dead before it was silent for
    `silent_seconds`, whatever the process table says: a container has its own. idle_seconds: the same of one that
    holds nothing, and tells of itself more seldom.
    """
    moment = now(session)
    silent = select(Worker).where(Worker.last_seen <= moment - timedelta(seconds=min(silent_seconds, lease_seconds)))
    over = moment - timedelta(seconds=lease_seconds)
    long = moment - timedelta(seconds=min(idle_seconds, lease_seconds))

    def is_gone(row: Worker) -> bool:
        here = row.host == host and not psutil.pid_exists(row.pid)
        return here and (row.last_seen <= long or _holds(session, row.id))

    return [row.id for row in session.scalars(silent).all() if row.last_seen <= over or is_gone(row)]


def _holds(session: Session, worker_id: str) -> bool:
    held = (exists().where(table.worker_id == worker_id, table.state == "running") for table in LEASED)
    return bool(session.scalar(select(or_(*held))))


def release(session: Session, *, dead: list[str]) -> None:
    """Let the leases of these workers expire now, and forget them."""
    for table in LEASED:
        held = update(table).where(table.worker_id.in_(dead), table.state == "running")
        changed(session, held.values(lease_until=now(session)))
    session.execute(delete(Worker).where(Worker.id.in_(dead)))
