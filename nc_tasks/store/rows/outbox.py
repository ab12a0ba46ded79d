"""Which rows wait without a message, and who sends it.

Before the messages go out the rows are marked as being sent (`published_at`, no `epoch`); after that they get the epoch
of the broker that has them. A sender that dies in between leaves rows without epoch, which are sent by another after a
while; a broker that has forgotten its messages has another epoch, and what it had is sent again. Of two senders at once
each row has one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, tuple_, update
from sqlalchemy.orm import Session

from nc_tasks.store.rows.statements import changed, rows_of
from nc_tasks.store.tables import Leased
from nc_tasks.store.tables.types import now

AT_ONCE = 2000
"""Rows of a batch. The messages of a hundred thousand labels take minutes, and half a gigabyte where they are made at
once: another sender would take the first for lost before the last is marked."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows that one sender has marked, by primary key; moment: when."""

    moment: datetime
    keys: list[tuple[Any, ...]]


def unsent(
    table: type[Leased], *, epoch: str, moment: datetime, patience_seconds: float, lost: bool
) -> ColumnElement[bool]:
    """Whether a row waits and no message of it is with the broker of this epoch, and none is just being sent.

    patience_seconds: how long sending may take. lost: the broker has nothing left in this queue, so what was sent so
    long ago and still waits has lost its message.
    """
    earlier = moment - timedelta(seconds=patience_seconds)
    elsewhere = and_(table.epoch.is_not(None), table.epoch != epoch)
    stale = table.published_at <= earlier
    if not lost:
        stale = and_(stale, table.epoch.is_(None))
    return and_(table.state == "queued", or_(table.published_at.is_(None), elsewhere, stale))


def take(session: Session, table: type[Leased], *of: ColumnElement[bool], needy: ColumnElement[bool]) -> Batch:
    """Mark the first rows that need a message; the caller sends it, after the commit, and then calls `confirm`.

    needy: as `unsent` says it; where one sender takes several batches, all of them by what it said at the first.
    """
    moment, rows = now(session), rows_of(table)
    first = select(*rows.primary_key).where(needy, *of).order_by(*rows.primary_key).limit(AT_ONCE)
    # Asked of the row itself once more: two senders may have chosen the same ones.
    mine = update(rows).where(needy, *of, tuple_(*rows.primary_key).in_(first))
    marked = mine.values(published_at=moment, epoch=None).returning(*rows.primary_key)
    return Batch(moment=moment, keys=sorted(tuple(row) for row in session.execute(marked)))


def confirm(session: Session, table: type[Leased], *of: ColumnElement[bool], batch: Batch, epoch: str) -> int:
    """Write that the broker of this epoch has the messages; epoch: as it was before they were sent."""
    mine = and_(table.published_at == batch.moment, table.epoch.is_(None))
    return changed(session, update(table).where(mine, *of).values(epoch=epoch))


def forget(session: Session, table: type[Leased], *of: ColumnElement[bool]) -> int:
    """A message was consumed without a claim: the rows that wait need another."""
    return changed(session, update(table).where(table.state == "queued", *of).values(published_at=None, epoch=None))
