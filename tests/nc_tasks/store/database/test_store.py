"""What every kind of database must do."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from nc_tasks.errors import StoreUnusable
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.database.migrate import revisions
from nc_tasks.store.rows import labels
from nc_tasks.store.tables import Base

pytestmark = pytest.mark.durable


def test_given_an_empty_folder_when_opened_then_the_migrations_make_exactly_the_tables(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_when_files_are_numbered_then_they_are_alembics_own_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", "nc_tasks.store:migrations")
    config.set_main_option("path_separator", "os")
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert revisions() == walked[::-1]


def test_given_a_database_of_a_newer_program_then_it_is_left_alone(store: Store, settings: Settings) -> None:
    with store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnusable, match=r"has revision 9999, this program knows \d{4} at most"):
        open_store(settings)


def test_given_a_writer_when_another_reads_then_it_sees_the_state_before(store: Store, scanned: str) -> None:
    with store.write() as writer:
        writer.execute(text("UPDATE label SET updates = 7"))
        with store.read() as reader:
            assert {row.updates for row in labels.of_round(reader, submission_id=scanned, round=0)} == {0}


def test_given_a_session_for_reading_when_it_writes_then_it_is_refused_and_nothing_else_is(
    store: Store, scanned: str
) -> None:
    for number in (7, 8):
        with store.read() as reader, pytest.raises(DBAPIError, match=r"read-?only"):
            reader.execute(text("UPDATE label SET updates = 3"))
        # Whoever gets the connection next may write
        with store.write() as writer:
            writer.execute(text(f"UPDATE label SET updates = {number}"))
        with store.read() as reader:
            found = labels.of_round(reader, submission_id=scanned, round=0)
            assert {row.updates for row in found} == {number}


def test_given_a_writer_when_it_ends_then_the_one_who_waits_writes(store: Store, scanned: str) -> None:
    began, end = threading.Event(), threading.Event()

    def occupy() -> None:
        with store.write() as session:
            session.execute(text("UPDATE label SET updates = updates + 1"))
            began.set()
            end.wait(10)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(occupy)
        assert began.wait(10)
        second = pool.submit(occupy)
        with pytest.raises(TimeoutError):
            second.result(0.05)
        end.set()
        first.result(10)
        second.result(10)
    with store.read() as session:
        assert {row.updates for row in labels.of_round(session, submission_id=scanned, round=0)} == {2}


def test_given_an_exception_inside_a_write_then_nothing_is_kept(store: Store, scanned: str) -> None:
    with pytest.raises(ZeroDivisionError):
        delete_and_fail(store)
    with store.read() as session:
        assert len(labels.of_round(session, submission_id=scanned, round=0)) == 4


def delete_and_fail(store: Store) -> None:
    with store.write() as session:
        session.execute(text("DELETE FROM label"))
        raise ZeroDivisionError


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y"])
def test_given_a_database_that_cannot_be_shared_then_it_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(StoreUnusable, match="pass a"):
        open_store(Settings(home=tmp_path, database_url=url))


def _open(home: str, url: str | None, barrier: Barrier) -> None:
    barrier.wait()
    open_store(Settings(home=Path(home), database_url=url)).close()


def test_when_four_processes_open_a_new_store_at_once_then_all_find_it_whole(
    request: pytest.FixtureRequest, settings: Settings
) -> None:
    url = request.getfixturevalue("postgresql").empty() if settings.database_url else None
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    children = [context.Process(target=_open, args=(str(settings.home), url, barrier)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0, 0]
