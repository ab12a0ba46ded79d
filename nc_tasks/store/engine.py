"""Opens the database: migrated, durable, safe for many processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from nc_tasks.errors import StoreUnusable
from nc_tasks.settings import Settings
from nc_tasks.store.migrate import migrate
from nc_tasks.store.network import network_file_system

BUSY_SECONDS = 30
"""How long a write waits for another process' write; the longest of ours takes milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """An open database. Sessions are short: one transaction each, objects stay readable after it."""

    engine: Engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state and never waits for a writer."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at its end and rolls back on an exception; on SQLite the only writer."""
        engine = self.engine.execution_options(writes=True)
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_store(settings: Settings) -> Store:
    """Open, and where needed create or migrate, the database of these settings; raises StoreUnusable."""
    url = make_url(settings.store_url)
    kind = url.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise StoreUnusable(f"the database is {kind!r}: pass a DATABASE_URL of SQLite or PostgreSQL")
    engine = _sqlite(url) if kind == "sqlite" else create_engine(url, pool_pre_ping=True)
    migrate(engine)
    return Store(engine=engine)


def _sqlite(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise StoreUnusable("the database is SQLite in memory: workers are other processes, pass a file")
    path = Path(url.database or "").absolute()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    kind = network_file_system(path.parent)
    if kind is not None:
        raise StoreUnusable(
            f"{path} lies on a network file system ({kind}), where SQLite loses writes: "
            "choose a home on a local disk, or a PostgreSQL server with DATABASE_URL"
        )
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN comes before the first write, after the reads that it rests on: switch it off.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
