"""SQLite: one file, durable, safe for many processes of one machine."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from nc_tasks.errors import StoreUnusable
from nc_tasks.private import make_folder, open_file
from nc_tasks.store.database.network import network_file_system

BUSY_SECONDS = 30
"""How long a write waits for another process' write; the longest of ours takes milliseconds."""
LOOK_SECONDS = 0.001
"""How often it looks whether its turn has come. SQLite itself looks ever more seldom, up to ten times a second, and
would leave the database unused for half of the time where several processes write much."""


def connect(url: URL) -> Engine:
    """The database in this file; raises StoreUnusable where it cannot be shared or would lose writes."""
    if url.database in (None, "", ":memory:"):
        raise StoreUnusable("the database is SQLite in memory: workers are other processes, pass a file")
    path = Path(url.database or "").absolute()
    make_folder(path.parent)
    kind = network_file_system(path.parent)
    if kind is not None:
        raise StoreUnusable(
            f"{path} lies on a network file system ({kind}), where SQLite loses writes: "
            "choose a home on a local disk, or a PostgreSQL server with DATABASE_URL"
        )
    with suppress(OSError), open_file(path, "ab"):
        pass  # SQLite would make it as the umask says; its -wal and -shm get the mode that it has
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def modes(engine: Engine) -> tuple[Engine, Engine, Engine]:
    """The engine for reading, for writing alone and for writing together: SQLite takes one writer in any case."""
    writing = engine.execution_options(writes=True)
    return engine, writing, writing


def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN comes before the first write, after the reads that it rests on: switch it off.
    connection.isolation_level = None
    cursor = connection.cursor()
    # Where another process makes a new database's log at this moment, SQLite does not wait but says that it is locked.
    _when_free(lambda: cursor.execute("PRAGMA journal_mode = WAL"))
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    writes = connection.get_execution_options().get("writes", False)
    # As on PostgreSQL, what is opened for reading refuses to write; connections are lent to both in turn.
    driver.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    if writes:
        _begin_write(connection, driver)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_write(connection: Connection, driver: sqlite3.Connection) -> None:
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        with suppress(sqlite3.OperationalError):
            _when_free(lambda: driver.execute("BEGIN IMMEDIATE"))
        if not driver.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # for the error that callers know
    finally:
        driver.execute(f"PRAGMA busy_timeout = {int(1000 * BUSY_SECONDS)}")


def _when_free(statement: Callable[[], object]) -> None:
    """Carry it out once nobody else has the database; raises after BUSY_SECONDS, or where something else is wrong."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            statement()
            return
        except sqlite3.OperationalError as error:
            # The rest of the code says why it is busy.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(LOOK_SECONDS)
