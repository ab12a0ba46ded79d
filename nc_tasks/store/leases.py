"""Who does a piece of work: claims, leases and fencing, alike for labels, repairs and jobs.

A claim takes a row that nobody holds and raises its `attempt`; every later write of that worker names the
attempt and changes nothing once another claim was made, or the row has ended. All times are the database's.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Update, update
from sqlalchemy.orm import Session

from nc_tasks.store.tables import Leased
from nc_tasks.store.types import now


def claim(
    session: Session,
    table: type[Leased],
    key: object,
    *,
    worker_id: str,
    lease_seconds: float,
    max_attempts: int,
) -> int | None:
    """Take the row and return the attempt, or None: it does not exist, has ended, or another holds it.

    A row that was claimed `max_attempts` times without an end becomes failed.
    """
    row = session.get(table, key, with_for_update=True, populate_existing=True)
    moment = now(session)
    if row is None or row.state not in ("queued", "running"):
        return None
    if row.state == "running" and row.lease_until is not None and row.lease_until > moment:
        return None
    attempts = row.attempt - row.attempt_base
    if attempts >= max_attempts:
        row.state, row.lease_until, row.worker_id = "failed", None, None
        row.reason = f"given up after {attempts} attempts (limit {max_attempts}): each time its worker fell silent"
        return None
    row.state, row.attempt, row.worker_id = "running", row.attempt + 1, worker_id
    row.lease_until = moment + timedelta(seconds=lease_seconds)
    return row.attempt


def write(
    session: Session, table: type[Leased], key: Sequence[ColumnElement[bool]], *, attempt: int, values: Any
) -> bool:
    """Update the row where it still runs under this attempt; False: it does not, nothing was written."""
    statement = update(table).where(*key, table.state == "running", table.attempt == attempt).values(values)
    return changed(session, statement) == 1


def renew(
    session: Session,
    table: type[Leased],
    key: Sequence[ColumnElement[bool]],
    *,
    attempt: int,
    lease_seconds: float,
    values: Any,
) -> bool:
    """Prolong the lease and write progress; False: the work was given to another, ended or cancelled."""
    until = now(session) + timedelta(seconds=lease_seconds)
    return write(session, table, key, attempt=attempt, values={**values, "lease_until": until})


def finish(
    session: Session, table: type[Leased], key: Sequence[ColumnElement[bool]], *, attempt: int, values: Any
) -> bool:
    """Write the end of the work and drop the lease; False: the work is no longer this attempt's."""
    return write(session, table, key, attempt=attempt, values={**values, "lease_until": None})


def changed(session: Session, statement: Update) -> int:
    """Run the update past the session's objects and return how many rows it changed."""
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return result.rowcount
