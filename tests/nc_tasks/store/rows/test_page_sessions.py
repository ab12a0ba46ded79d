"""Sessions on the pages, on each kind of database."""

from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import select, update

from nc_tasks.store import PageSession, Store
from nc_tasks.store.rows import keys, page_sessions
from nc_tasks.store.tables.types import now


@pytest.fixture
def key_id(store: Store) -> str:
    with store.write() as session:
        return keys.create(session, owner="ann", name="test", scopes=["read"]).row.id


def begun(store: Store, key_id: str) -> str:
    with store.write() as session:
        return page_sessions.begin(session, key_id=key_id)


def key_behind(store: Store, text: str) -> str | None:
    with store.read() as session:
        found = page_sessions.key_of(session, text=text)
        return None if found is None else found.id


def test_a_session_stands_for_its_key_until_it_is_ended(store: Store, key_id: str) -> None:
    first, second = (begun(store, key_id) for _ in range(2))
    assert [key_behind(store, text) for text in (first, second, "", first[:-1])] == [key_id, key_id, None, None]
    with store.write() as session:
        assert page_sessions.end(session, text=first)
        assert not page_sessions.end(session, text=first)
    assert [key_behind(store, text) for text in (first, second)] == [None, key_id]


def test_of_a_session_the_store_holds_nothing_that_opens(store: Store, key_id: str) -> None:
    text = begun(store, key_id)
    with store.read() as session:
        (row,) = session.scalars(select(PageSession))
        held = (row.id_sha256, row.key_id)
    assert text not in held
    assert [key_behind(store, each) for each in held] == [None, None]


def test_when_the_key_is_revoked_then_its_sessions_are_over(store: Store, key_id: str) -> None:
    text = begun(store, key_id)
    with store.write() as session:
        keys.revoke(session, key_id=key_id)
    assert key_behind(store, text) is None


def test_a_session_expires_after_a_working_day_and_is_forgotten_then(store: Store, key_id: str) -> None:
    # Given one that has just begun, and one of twelve hours ago
    young, old = (begun(store, key_id) for _ in range(2))
    with store.write() as session:
        left = {row.expires_at - now(session) for row in session.scalars(select(PageSession))}
        assert all(timedelta(hours=11.9) < each <= timedelta(hours=12) for each in left)
        of_old = PageSession.id_sha256 == sha256(old.encode()).hexdigest()
        session.execute(update(PageSession).where(of_old).values(expires_at=now(session)))
    assert [key_behind(store, text) for text in (young, old)] == [key_id, None]
    # When old ones are tidied away
    with store.write() as session:
        assert [page_sessions.forget_expired(session) for _ in range(2)] == [1, 0]
    # Then the other one goes on
    assert key_behind(store, young) == key_id
