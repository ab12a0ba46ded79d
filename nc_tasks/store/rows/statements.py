"""Statements that go past the session's objects: others write the rows too."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Delete, Table, Update, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from nc_tasks.store.tables import Base, Leased

AT_ONCE = 1000
"""Rows of one statement."""


def insert_absent(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows whose primary key is not there yet, in one transaction; returns how many were new."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    key = inspect(table).primary_key
    # Counted by what comes back: drivers do not agree on the number of rows of a statement in many parts.
    absent = insert(table).on_conflict_do_nothing().returning(*key)
    parts = (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))
    return sum(len(session.execute(absent, part).all()) for part in parts)


def changed(session: Session, statement: Update | Delete) -> int:
    """Run the statement past the session's objects and return how many rows it changed."""
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return result.rowcount


def rows_of(table: type[Leased]) -> Table:
    """The table as statements name it."""
    return cast(Table, table.__table__)  # type: ignore[attr-defined]
