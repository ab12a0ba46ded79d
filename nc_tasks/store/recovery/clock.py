"""The clock was set back: what the store waits for by time would wait as much longer.

A lease ends when the database's clock says so, and a message that was sent is given some time before it counts as lost.
Set back by an hour, the clock would let a dead worker keep its labels for an hour. Nothing that is waited for lies
further ahead than it may when it is written; what does is brought to where it would be if it were written now.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Update, and_, exists, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from nc_tasks.store.rows.deliveries import CLAIM_SECONDS, PAUSES
from nc_tasks.store.rows.leases import LEASED
from nc_tasks.store.rows.statements import changed
from nc_tasks.store.tables import Delivery, Submission, Worker
from nc_tasks.store.tables.states import SUBMISSION_ENDS, SUBMISSION_SOURCES
from nc_tasks.store.tables.types import Clock, ClockIn

_OPEN = [state for state in SUBMISSION_SOURCES if state not in SUBMISSION_ENDS]


@dataclass(frozen=True, kw_only=True)
class _Wait:
    """column: a time that somebody waits for, in the rows that `matters` says. most: seconds ahead when written."""

    column: "InstrumentedAttribute[object]"
    most: float
    matters: ColumnElement[bool]

    def ahead(self, tolerance: float) -> ColumnElement[bool]:
        return and_(self.matters, self.column > ClockIn(self.most + tolerance))

    def brought_back(self, tolerance: float) -> Update:
        latest = ClockIn(self.most) if self.most else Clock()
        return update(self.column.class_).where(self.ahead(tolerance)).values({self.column.key: latest})


def was_set_back(session: Session, *, lease_seconds: float) -> bool:
    """Whether something waits for a time that nobody can have written by this clock; changes nothing."""
    return any(session.scalar(select(exists().where(wait.ahead(lease_seconds)))) for wait in _waits(lease_seconds))


def bring_back(session: Session, *, lease_seconds: float) -> int:
    """Bring such times back; returns how many. A clock that goes back by less than a lease delays by no more."""
    return sum(changed(session, wait.brought_back(lease_seconds)) for wait in _waits(lease_seconds))


def _waits(lease_seconds: float) -> Iterator[_Wait]:
    for table in LEASED:
        yield _Wait(column=table.lease_until, most=lease_seconds, matters=table.state == "running")
        yield _Wait(column=table.published_at, most=0.0, matters=table.state == "queued")
    yield _Wait(column=Submission.nudged_at, most=0.0, matters=Submission.state.in_(_OPEN))
    yield _Wait(column=Worker.last_seen, most=0.0, matters=Worker.last_seen.is_not(None))
    yield _Wait(column=Delivery.next_at, most=max(*PAUSES, CLAIM_SECONDS), matters=Delivery.state == "queued")
