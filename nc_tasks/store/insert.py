"""Inserts that keep what is already there."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from nc_tasks.store.tables import Base


def insert_absent(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows whose primary key is not there yet, in one go; returns how many were new."""
    if not rows:
        return 0
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    key = inspect(table).primary_key
    # Counted by what comes back: drivers do not agree on the number of rows of a statement in many parts.
    return len(session.execute(insert(table).on_conflict_do_nothing().returning(*key), rows).all())
