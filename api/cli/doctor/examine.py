"""All checks in the order in which one thing needs the other."""

from collections.abc import Callable, Iterator

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from api.cli.doctor import broker, database, machine, workers
from api.cli.doctor.check import Check, fail
from nc_tasks.errors import StoreUnusable
from nc_tasks.settings import Settings
from nc_tasks.store.database.store import Store, connect


def examine(settings: Settings) -> Iterator[Check]:
    """One after another, each as soon as it is known. Nothing is created, migrated or started."""
    yield from machine.checks(settings)
    yield broker.check(settings)
    yield from _of_store(settings)


def _of_store(settings: Settings) -> Iterator[Check]:
    missing = database.absent(settings)
    if missing is not None:
        yield missing
        return
    try:
        engine = connect(settings)
    except StoreUnusable as error:
        yield fail("database", str(error), "set DATABASE_URL to one that can be used, or choose another home")
        return
    try:
        yield from _of_engine(settings, engine)
    finally:
        engine.dispose()


def _of_engine(settings: Settings, engine: Engine) -> Iterator[Check]:
    schema = _safely("database", lambda: database.schema(engine))
    yield schema
    if schema.state == "ok":
        store = Store(engine)
        yield _safely("clock", lambda: database.clock(store))
        yield _safely("workers", lambda: workers.check(store, settings))


def _safely(name: str, look: Callable[[], Check]) -> Check:
    """The check; a database that does not answer is a finding and no crash."""
    try:
        return look()
    except (SQLAlchemyError, OSError) as error:
        found = " ".join(str(error).split())[:200]
        return fail(name, found, "start the database, or set DATABASE_URL to one that runs")
