"""Who does a piece of work: claims, leases and fencing, alike for labels, repairs and jobs.

A claim takes a row that waits and raises its `attempt`; every later write of that worker names the attempt and
changes nothing once the row was queued again, or has ended. A row whose lease has run out is queued again by
`store.recovery.expired`, by that alone. All times are the database's.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Float,
    Integer,
    String,
    Table,
    Update,
    bindparam,
    literal,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from nc_tasks.store.rows.statements import rows_of
from nc_tasks.store.tables import Job, Label, Leased, Mitigation, Preparation
from nc_tasks.store.tables.types import ClockIn

LEASED: tuple[type[Leased], ...] = (Preparation, Label, Mitigation, Job)
"""All that one worker at a time does."""
Key = Sequence[object]
"""A row's primary key, in the order of the table's columns."""
UNHELD: dict[str, Any] = {
    "state": "queued",
    "lease_until": None,
    "worker_id": None,
    "published_at": None,
    "epoch": None,
}
"""A row that waits, and whose message is yet to be sent."""


def claim(
    session: Session,
    table: type[Leased],
    key: Key,
    *,
    worker_id: str,
    lease_seconds: float,
    max_attempts: int,
    matching: Mapping[str, object] | None = None,
) -> int | None:
    """Take the row and return the attempt, or None: it does not exist, has ended, or another holds it.

    A row that was claimed `max_attempts` times without an end becomes failed. matching: values that other columns must
    have; a row that does not match is left as it is.
    """
    row, matching = _row(table, key), matching or {}
    wanted = {f"is_{name}": value for name, value in matching.items()}
    taking = {**row, **wanted, "to_worker_id": worker_id, "lease": lease_seconds, "most": max_attempts}
    attempt = session.execute(_taking(rows_of(table), tuple(matching)), taking).scalar_one_or_none()
    if attempt is None:
        session.execute(_giving_up(rows_of(table)), {**row, "most": max_attempts})
    return attempt


def renew(
    session: Session, table: type[Leased], key: Key, *, attempt: int, lease_seconds: float, values: dict[str, Any]
) -> bool:
    """Prolong the lease and write progress; False: the work was given to another, ended or cancelled."""
    statement = _renewing(rows_of(table), tuple(values))
    return _write(session, statement, {**_row(table, key), "lease": lease_seconds}, attempt, values)


def finish(session: Session, table: type[Leased], key: Key, *, attempt: int, values: dict[str, Any]) -> bool:
    """Write the end of the work and drop the lease; False: the work is no longer this attempt's."""
    return _write(session, _finishing(rows_of(table), tuple(values)), _row(table, key), attempt, values)


def release(session: Session, table: type[Leased], key: Key, *, attempt: int) -> bool:
    """Queue the row again; the attempt does not count. False: the work is no longer this attempt's."""
    return _write(session, _releasing(rows_of(table)), _row(table, key), attempt, {})


def given_up(rows: Table, most: ColumnElement[int]) -> dict[str, Any]:
    """What a row becomes that was claimed so many times without an end."""
    reason = literal("given up after ") + sql_cast(rows.c.attempt - rows.c.attempt_base, String)
    reason += literal(" attempts (limit ") + sql_cast(most, String) + literal("): each time its worker fell silent")
    return {"state": "failed", "lease_until": None, "worker_id": None, "reason": reason}


def _write(
    session: Session,
    statement: Update,
    row: dict[str, object],
    attempt: int,
    values: dict[str, Any],
) -> bool:
    to = {f"to_{name}": value for name, value in values.items()}
    result = session.execute(statement, {**row, "held": attempt, **to})
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


# The statements of the four are put together once for each table: that takes SQLAlchemy longer than SQLite takes to
# carry one out. They name tables, not mapped classes, and go past the session's objects: others write the rows too.


def _row(table: type[Leased], key: Key) -> dict[str, object]:
    return {f"key_{column.name}": value for column, value in zip(rows_of(table).primary_key, key, strict=True)}


@cache
def _taking(rows: Table, names: tuple[str, ...]) -> Update:
    counts = rows.c.attempt - rows.c.attempt_base < bindparam("most")
    fits = [rows.c[name] == bindparam(f"is_{name}") for name in names]
    taken = (
        _free(rows).where(counts, *fits).values(state="running", attempt=rows.c.attempt + 1, lease_until=_lease_end())
    )
    return taken.values(_to(("worker_id",))).returning(rows.c.attempt)


@cache
def _giving_up(rows: Table) -> Update:
    most = bindparam("most", type_=Integer)
    return _free(rows).where(rows.c.attempt - rows.c.attempt_base >= most).values(given_up(rows, most))


@cache
def _renewing(rows: Table, names: tuple[str, ...]) -> Update:
    return _held(rows).values({**_to(names), "lease_until": _lease_end()})


@cache
def _finishing(rows: Table, names: tuple[str, ...]) -> Update:
    return _held(rows).values({**_to(names), "lease_until": None})


@cache
def _releasing(rows: Table) -> Update:
    return _held(rows).values({**UNHELD, "attempt_base": rows.c.attempt_base + 1})


def _free(rows: Table) -> Update:
    """Of the row where nobody works on it."""
    return _keyed(rows).where(rows.c.state == "queued")


def _held(rows: Table) -> Update:
    """Of the row where it still runs under this attempt."""
    return _keyed(rows).where(rows.c.state == "running", rows.c.attempt == bindparam("held"))


def _keyed(rows: Table) -> Update:
    return update(rows).where(*(column == bindparam(f"key_{column.name}") for column in rows.primary_key))


def _to(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: bindparam(f"to_{name}") for name in names}


def _lease_end() -> ColumnElement[Any]:
    return ClockIn(bindparam("lease", type_=Float()))
