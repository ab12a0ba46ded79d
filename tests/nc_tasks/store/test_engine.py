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
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.schema import CreateTable

from nc_tasks.errors import StoreUnusable
from nc_tasks.settings import Settings
from nc_tasks.store import Store, engine, labels, open_store
from nc_tasks.store.migrate import revisions
from nc_tasks.store.network import network_file_system
from nc_tasks.store.tables import Base


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=None)


def test_given_an_empty_folder_when_opened_then_the_migrations_make_exactly_the_tables(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_when_the_tables_check_a_column_then_the_migrations_check_it_alike(store: Store) -> None:
    # compare_metadata does not look at checks: compare the statements' text.
    with store.engine.connect() as connection:
        made = " ".join(connection.scalars(text("SELECT sql FROM sqlite_master WHERE type = 'table'")))
    for table in Base.metadata.sorted_tables:
        wanted = str(CreateTable(table).compile(store.engine))
        checks = [line.strip(" ,\t") for line in wanted.splitlines() if " CHECK " in line]
        assert all(check in made for check in checks), checks


def test_when_files_are_numbered_then_they_are_alembics_own_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", "deploy:migrations")
    config.set_main_option("path_separator", "os")
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert revisions() == walked[::-1]


def test_given_a_database_of_a_newer_program_then_it_is_left_alone(store: Store, settings: Settings) -> None:
    with store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnusable, match=r"has revision 9999, this program knows \d{4} at most"):
        open_store(settings)


def test_given_sqlite_then_it_is_durable_and_keeps_references(store: Store) -> None:
    with store.read() as session:
        values = [session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")]
    assert values == ["wal", 2]
    with store.write() as session, pytest.raises(IntegrityError):
        labels.create(session, submission_id="nobody", labels=[0], round=0, updates_budget=1)


def test_given_a_writer_when_another_reads_then_it_sees_the_state_before(store: Store, scanned: str) -> None:
    with store.write() as writer:
        writer.execute(text("UPDATE label SET updates = 7"))
        with store.read() as reader:
            assert {row.updates for row in labels.of_round(reader, submission_id=scanned, round=0)} == {0}


def test_given_a_writer_when_another_wants_to_write_then_it_waits_before_its_first_read(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.05)
    impatient = open_store(settings)
    with store.write() as writer:
        writer.execute(text("SELECT 1"))
        with pytest.raises(OperationalError, match="locked"):
            read_to_write(impatient)
    read_to_write(impatient)
    impatient.close()


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


def test_given_a_database_that_cannot_be_written_then_the_error_is_sqlalchemy_s(store: Store) -> None:
    # What a heartbeat must survive: it tries again at the next beat.
    with store.read() as session:
        session.execute(text("PRAGMA query_only = ON"))
        driver = session.connection().connection.driver_connection
        assert driver is not None
    with pytest.raises(OperationalError), store.write() as session:
        session.execute(text("DELETE FROM label"))
    driver.execute("PRAGMA query_only = OFF")
    with store.write() as session:
        session.execute(text("DELETE FROM label"))


def read_to_write(store: Store) -> None:
    with store.write() as session:
        session.execute(text("SELECT 1"))


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


def test_given_a_network_file_system_then_sqlite_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "network_file_system", lambda _: "nfs4")
    with pytest.raises(StoreUnusable, match=r"network file system \(nfs4\).*local disk"):
        open_store(settings)


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/data/x", "nfs4"),
        ("/data", "nfs4"),
        ("/database", None),
        ("/data/fast/x", None),
        ("/two words/x", "cifs"),
        ("/home", None),
        ("/remote/x", "fuse.sshfs"),
    ],
)
def test_given_mounts_then_the_nearest_one_decides(tmp_path: Path, folder: str, kind: str | None) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/vda / ext4 rw 0 0\n"
        "server:/x /data nfs4 rw 0 0\n"
        "/dev/vdb /data/fast xfs rw 0 0\n"
        "//server/y /two\\040words cifs rw 0 0\n"
        "me@server: /remote fuse.sshfs rw 0 0\n"
    )
    assert network_file_system(Path(folder), mounts=mounts) == kind


def test_given_a_system_without_table_of_mounts_then_everything_is_local(tmp_path: Path) -> None:
    assert network_file_system(tmp_path, mounts=tmp_path / "none") is None


def _open(home: str, barrier: Barrier) -> None:
    barrier.wait()
    open_store(Settings(home=Path(home))).close()


def test_when_four_processes_open_a_new_store_at_once_then_all_find_it_whole(settings: Settings) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    children = [context.Process(target=_open, args=(str(settings.home), barrier)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0, 0]
