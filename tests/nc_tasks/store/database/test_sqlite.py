"""What SQLite alone must do."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.schema import CreateTable

from nc_tasks.errors import StoreUnusable
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.database import sqlite
from nc_tasks.store.database.network import network_file_system
from nc_tasks.store.rows import labels
from nc_tasks.store.tables import Base

pytestmark = pytest.mark.durable


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=None)


def test_when_the_tables_check_a_column_then_the_migrations_check_it_alike(store: Store) -> None:
    # compare_metadata does not look at checks: compare the statements' text.
    with store.engine.connect() as connection:
        made = " ".join(connection.scalars(text("SELECT sql FROM sqlite_master WHERE type = 'table'")))
    for table in Base.metadata.sorted_tables:
        wanted = str(CreateTable(table).compile(store.engine))
        checks = [line.strip(" ,\t") for line in wanted.splitlines() if " CHECK " in line]
        assert all(check in made for check in checks), checks


def test_given_sqlite_then_it_is_durable_and_keeps_references(store: Store) -> None:
    with store.read() as session:
        values = [session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")]
    assert values == ["wal", 2]
    with store.write() as session, pytest.raises(IntegrityError):
        labels.create(session, submission_id="nobody", labels=[0], round=0, updates_budget=1)


def test_given_a_writer_when_another_wants_to_write_then_it_waits_before_its_first_read(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    impatient = open_store(settings)
    with store.write() as writer:
        writer.execute(text("SELECT 1"))
        with pytest.raises(OperationalError, match="locked"):
            read_to_write(impatient)
    read_to_write(impatient)
    impatient.close()


def test_given_a_database_that_cannot_be_written_then_the_error_is_sqlalchemy_s(store: Store) -> None:
    # What a heartbeat must survive: it tries again at the next beat.
    engine = create_engine(f"sqlite:///file:{store.engine.url.database}?mode=ro&uri=true")
    event.listen(engine, "connect", sqlite._prepare)
    event.listen(engine, "begin", sqlite._begin)
    unwritable = Store(engine)
    with pytest.raises(OperationalError, match="readonly"), unwritable.write() as session:
        session.execute(text("DELETE FROM label"))
    unwritable.close()


def read_to_write(store: Store) -> None:
    with store.write() as session:
        session.execute(text("SELECT 1"))


def test_given_a_network_file_system_then_sqlite_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "network_file_system", lambda _: "nfs4")
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
