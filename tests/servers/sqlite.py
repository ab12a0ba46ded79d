"""SQLite in quick time: new databases are copies of one that was migrated, and nothing waits for the disk."""

import sqlite3
from functools import cache

import pytest
from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from nc_tasks.store.database import migrate, sqlite

_prepare, _upgrade = sqlite._prepare, migrate._upgrade


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the databases that this process opens are quick. Their statements are the same."""
    monkeypatch.setattr(sqlite, "_prepare", _without_flush)
    monkeypatch.setattr(migrate, "_upgrade", _at_once)


def _without_flush(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    _prepare(connection, entry)
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = OFF")  # nothing here must outlive the machine's power
    cursor.close()


def _at_once(connection: Connection) -> None:
    """What all migrations come to, where none was made yet."""
    if connection.dialect.name != "sqlite" or migrate.revision(connection) is not None:
        _upgrade(connection)
        return
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    for statement in _migrated():
        driver.execute(statement)


@cache
def _migrated() -> list[str]:
    """The statements that write a new, migrated database."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        engine = sqlite.connect(sqlite.URL.create("sqlite", database=f"{folder}/template.sqlite"))
        with engine.execution_options(writes=True).begin() as connection:
            _upgrade(connection)
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            written = [line for line in driver.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")]
        engine.dispose()
    return written
