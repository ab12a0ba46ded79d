"""Wrong keys and requests that are none are written down, and cannot fill what they are written to."""

import logging

import httpx
import pytest

from api.service.log_limit import LimitedWarnings
from api.service.wrong_keys import ENTRIES_AN_HOUR, NOBODY, WrongKeys
from nc_tasks.store import Store
from nc_tasks.store.rows import audit
from tests.api.service.conftest import MakeKey


def test_wrong_keys_are_noted_and_cannot_fill_the_audit_log(
    url: str, store: Store, make_key: MakeKey, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a service with keys
    make_key("somebody")
    wrong = f"cleanse_{'a' * 12}_{'b' * 43}"
    with caplog.at_level("WARNING"), httpx.Client(base_url=url, trust_env=False) as client:
        # When somebody comes with texts that are none, in every way that there is
        client.get("/v1/submissions", headers={"Authorization": f"Bearer {wrong}"})
        client.get("/v1/submissions", headers={"Cookie": "cleanse_session=secret_of_nobody"})
        client.post("/sign-in", data={"key": "another secret"}, headers={"Origin": url})
        # Or with none at all
        client.get("/v1/submissions")
    # Then each is told, but for what it was
    with store.read() as session:
        entries = audit.page(session, owner=NOBODY, limit=100)
    assert [(entry.action, entry.subject, entry.address) for entry in entries] == [
        ("wrong-key", NOBODY, "127.0.0.1"),
        ("wrong-key", NOBODY, "127.0.0.1"),
        ("wrong-key", "a" * 12, "127.0.0.1"),
    ]
    assert "secret" not in caplog.text
    assert "b" * 43 not in caplog.text
    assert caplog.text.count("a wrong key came from 127.0.0.1") == 3


def test_of_many_wrong_keys_the_first_are_written_and_the_rest_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    wrong_keys = WrongKeys(store, clock=lambda: clock[0])
    for number in range(1000):
        wrong_keys.note("x", f"10.0.{number // 256}.{number % 256}")
    clock[0] = 3600.0 / ENTRIES_AN_HOUR
    wrong_keys.note("x", "10.1.0.0")
    with store.read() as session:
        entries = audit.page(session, owner=NOBODY, limit=1000)
    assert len(entries) == ENTRIES_AN_HOUR + 1
    assert entries[0].detail == {"untold_before": 1000 - ENTRIES_AN_HOUR}
    # And of those that are there the oldest go
    monkeypatch.setattr(audit, "WRONG_KEYS_KEPT", 10)
    with store.write() as session:
        audit.record(session, owner="somebody", key_id=None, action="submit", subject="a")
        assert audit.forget_wrong_keys(session) == ENTRIES_AN_HOUR + 1 - 10
        assert audit.forget_wrong_keys(session) == 0
        assert [entry.action for entry in audit.page(session, limit=100)] == ["submit", *["wrong-key"] * 10]


def test_requests_that_are_none_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("test.requests")
    log.addFilter(LimitedWarnings(2))
    for number in range(10):
        log.warning("invalid request %d", number)
    log.error("a fault of ours")
    assert [record.message for record in caplog.records] == [
        "invalid request 0",
        "invalid request 1",
        "a fault of ours",
    ]
