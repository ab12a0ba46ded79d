"""What PostgreSQL alone must do."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from nc_tasks.errors import StoreUnusable
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.database import postgresql
from nc_tasks.store.rows import labels
from tests.servers.postgresql import PostgreSQL

ADD = text("UPDATE label SET updates = updates + 1 WHERE label = 0")


@pytest.fixture
def settings(tmp_path: Path, postgresql: PostgreSQL) -> Settings:
    return Settings(home=tmp_path, database_url=postgresql.database())


@pytest.fixture
def other(settings: Settings) -> Iterator[Store]:
    """The same database as another process has it."""
    other = open_store(settings)
    yield other
    other.close()


def updates(session: Session, submission_id: str) -> int:
    return labels.of_round(session, submission_id=submission_id, round=0)[0].updates


def test_given_a_reader_when_another_writes_then_it_sees_one_state_to_its_end(
    store: Store, other: Store, scanned: str
) -> None:
    with store.read() as reader:
        before = updates(reader, scanned)
        with other.write() as writer:
            writer.execute(ADD)
        reader.expire_all()
        assert updates(reader, scanned) == before
    with store.read() as reader:
        assert updates(reader, scanned) == before + 1


def test_given_a_reader_then_it_cannot_write(store: Store) -> None:
    with store.read() as session, pytest.raises(DBAPIError, match="read-only transaction"):
        session.execute(text("DELETE FROM label"))


def test_given_one_who_writes_alone_then_what_it_has_read_holds_until_it_writes(
    store: Store, other: Store, scanned: str
) -> None:
    # Given one that has read, and is to write what follows from that
    with ThreadPoolExecutor(1) as pool, store.write() as session:
        before = updates(session, scanned)
        # When another wants to write
        second = pool.submit(other.write_together, lambda session: session.execute(ADD))
        with pytest.raises(TimeoutError):
            second.result(0.2)
        # Then it waits
        session.execute(text(f"UPDATE label SET updates = {before + 10} WHERE label = 0"))
        session.commit()
        second.result(10)
    with store.read() as reader:
        assert updates(reader, scanned) == before + 11


def test_given_workers_of_two_processes_then_they_write_other_rows_at_once(store: Store, other: Store) -> None:
    met = threading.Barrier(2, timeout=10)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(one.write_together, lambda _: met.wait()) for one in (store, other)]
        assert sorted(one.result(10) for one in both) == [0, 1]


def test_given_a_process_that_is_frozen_within_a_write_then_the_others_write_after_a_while(
    settings: Settings, scanned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "WAIT_SECONDS", 0.5)
    frozen, other = open_store(settings), open_store(settings)
    with pytest.raises(DBAPIError, match="idle-in-transaction"):
        write_slowly(frozen, meanwhile=other)
    with other.read() as reader:
        assert updates(reader, scanned) == 1
    frozen.close()
    other.close()


def write_slowly(store: Store, *, meanwhile: Store) -> None:
    with store.write() as session:
        session.execute(ADD)
        time.sleep(0.7)
        with meanwhile.write() as second:
            second.execute(ADD)
        session.execute(ADD)


def test_given_a_server_that_is_away_then_one_line_says_so_without_the_password(tmp_path: Path) -> None:
    nobody = Settings(home=tmp_path, database_url=f"postgres://me:secret@/x?host={tmp_path}")
    with pytest.raises(
        StoreUnusable, match=r"database postgresql\S*://me:\*\*\*@/x.* cannot be used: .*No such file"
    ) as no:
        open_store(nobody)
    assert "secret" not in str(no.value)
    assert "\n" not in str(no.value)


def test_given_no_driver_then_the_line_says_what_to_install(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "find_spec", lambda _: None)
    with pytest.raises(StoreUnusable, match=r"pip install 'cleanse\[postgresql\]'"):
        open_store(settings)
