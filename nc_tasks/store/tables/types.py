"""Column types and the clock of the database."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A time with zone in Python, plain UTC in the database."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Aware -> plain UTC; a time without zone is a mistake of the caller and raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time {value} has no zone; pass an aware one")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Plain UTC -> aware."""
        return None if value is None else value.replace(tzinfo=UTC)


class Clock(FunctionElement[datetime]):
    """The database's wall clock, in UTC, inside a statement."""

    type = UtcTime()
    inherit_cache = True


class ClockIn(FunctionElement[datetime]):
    """`ClockIn(seconds)`: what the database's clock will show then."""

    type = UtcTime()
    inherit_cache = True


# SQLite compares times as text: all have six digits after the point, of which its clock knows three.
_SQLITE_TIME = "%Y-%m-%d %H:%M:%f000"


@compiles(Clock, "sqlite")
def _sqlite_clock(element: Clock, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ARG001
    return f"strftime('{_SQLITE_TIME}', 'now')"


@compiles(ClockIn, "sqlite")
def _sqlite_clock_in(element: ClockIn, compiler: SQLCompiler, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"strftime('{_SQLITE_TIME}', 'now', printf('%.6f seconds', {seconds}))"


@compiles(Clock, "postgresql")
def _postgresql_clock(element: Clock, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ARG001
    return "timezone('utc', clock_timestamp())"


@compiles(ClockIn, "postgresql")
def _postgresql_clock_in(element: ClockIn, compiler: SQLCompiler, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    return f"timezone('utc', clock_timestamp()) + make_interval(secs => {seconds})"


def now(session: Session) -> datetime:
    """The database's clock: leases of several machines are compared by this one alone."""
    return session.scalars(select(Clock())).one()
