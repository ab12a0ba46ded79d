"""Opens the database: migrated, durable, safe for many processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from nc_tasks.errors import StoreUnusable
from nc_tasks.private import make_home
from nc_tasks.settings import Settings
from nc_tasks.store.database import postgresql, sqlite
from nc_tasks.store.database.group_commit import GroupWriter, Work
from nc_tasks.store.database.migrate import migrate

T = TypeVar("T")


class Store:
    """An open database. Sessions are short: one transaction each, objects stay readable after it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        reading, alone, together = (sqlite if engine.dialect.name == "sqlite" else postgresql).modes(engine)
        self._reading, self._alone, self._together = reading, alone, together
        self._group = GroupWriter(lambda: self._transaction(self._together))

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state and never waits for a writer."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at its end and rolls back on an exception; it is the only writer meanwhile."""
        with self._transaction(self._alone) as session:
            yield session

    def write_together(self, work: Work[T]) -> T:
        """Run the write in one transaction with those of other threads of this process; returns its result.

        Everything else is as if it had its own: it returns after the commit, and fails alone. See `GroupWriter.run`.
        On PostgreSQL several processes write so at once: the work must hold whatever others do between two of its
        statements, as an update of one row by its key and attempt does.
        """
        return self._group.run(work)

    def close(self) -> None:
        """Write what threads have brought, then close every connection."""
        self._group.close()
        self.engine.dispose()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Session]:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session


def open_store(settings: Settings) -> Store:
    """Open, and where needed create or migrate, the database of these settings; raises StoreUnusable."""
    engine = connect(settings)
    try:
        migrate(engine)
    except BaseException as error:
        engine.dispose()  # nobody else will close its connections
        if not isinstance(error, OperationalError) or engine.dialect.name == "sqlite":
            raise
        told = " ".join(str(error.orig).split())
        raise StoreUnusable(f"the database {engine.url.render_as_string()} cannot be used: {told}") from error
    return Store(engine)


def connect(settings: Settings) -> Engine:
    """The database of these settings with whatever tables it has; raises StoreUnusable."""
    url = make_url(settings.store_url)
    if settings.database_url is None:
        make_home(settings.home)
    kind = url.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise StoreUnusable(f"the database is {kind!r}: pass a DATABASE_URL of SQLite or PostgreSQL")
    return sqlite.connect(url) if kind == "sqlite" else postgresql.connect(url)
