"""Brings the database to the tables that this program knows."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from nc_tasks.errors import StoreUnusable
from nc_tasks.private import open_file
from nc_tasks.store.migrations import versions

ADVISORY_LOCK = 0x636C65616E7365
"""Any number that no other program takes in the same PostgreSQL database ("cleanse" in ASCII)."""


def migrate(engine: Engine) -> None:
    """Apply the missing migrations; of several processes at once, one does it and the others wait.

    Raises StoreUnusable where the database was written by a newer program.
    """
    known = revisions()
    with engine.connect() as connection:
        if revision(connection) == known[-1]:
            return
    with _alone(engine) as connection:
        present = revision(connection)
        if present is not None and present not in known:
            raise StoreUnusable(
                f"the database {engine.url.render_as_string()} has revision {present}, this program knows "
                f"{known[-1]} at most: upgrade the program, or choose another home"
            )
        _upgrade(connection)


def revisions() -> list[str]:
    """The revisions that this program knows, oldest first: what the migrations' file names begin with."""
    folder = Path(versions.__path__[0])
    return sorted(path.name.partition("_")[0] for path in folder.glob("[0-9]*_*.py"))


def revision(connection: Connection) -> str | None:
    """The database's revision, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def _upgrade(connection: Connection) -> None:
    # Imported here: it takes longer than opening the store, and is needed once in a version's life.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "nc_tasks.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    if engine.dialect.name == "sqlite":
        with open_file(Path(f"{engine.url.database}.lock"), "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with engine.execution_options(writes=True).begin() as connection:
                yield connection
    else:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            yield connection
