"""Work whose lease has expired, as its worker fell silent: queued again, or given up.

A label shares its process with others. When that ends, nobody knows which of them it was: none is charged, and each is
tried again `alone`. A label is charged for an attempt only where no other was beside it, so one that kills its process
ends as failed and its neighbours do not.
"""

from sqlalchemy import ColumnElement, Table, Update, and_, case, exists, literal, or_, select, update
from sqlalchemy.orm import Session

from nc_tasks.store.rows.leases import LEASED, UNHELD, given_up
from nc_tasks.store.rows.statements import changed, rows_of
from nc_tasks.store.tables import Job, Label
from nc_tasks.store.tables.types import Clock


def any_expired(session: Session) -> bool:
    """Whether some lease has run out; changes nothing, and waits for no writer."""
    return any(session.scalar(select(exists().where(_expired(rows_of(table))))) for table in LEASED)


def requeue_expired(session: Session, *, max_attempts: int) -> int:
    """Queue everything again whose lease has run out, or fail it after `max_attempts`; returns how many rows."""
    return sum(
        changed(session, statement)
        for table in map(rows_of, LEASED)
        for statement in (_giving_up(table, max_attempts), _queueing(table))
    )


def _giving_up(rows: Table, max_attempts: int) -> Update:
    most = literal(max_attempts)
    over = update(rows).where(_expired(rows), rows.c.attempt - rows.c.attempt_base >= most)
    if rows is rows_of(Label):
        over = over.where(rows.c.alone)
    values = given_up(rows, most)
    return over.values({**values, "finished_at": Clock()} if rows is rows_of(Job) else values)


def _queueing(rows: Table) -> Update:
    queued = update(rows).where(_expired(rows)).values(UNHELD)
    if rows is rows_of(Label):
        uncharged = rows.c.attempt_base + case((rows.c.alone, 0), else_=1)
        queued = queued.values(attempt_base=uncharged, alone=True)
    return queued


def _expired(rows: Table) -> ColumnElement[bool]:
    return and_(rows.c.state == "running", or_(rows.c.lease_until.is_(None), rows.c.lease_until <= Clock()))
