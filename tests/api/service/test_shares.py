"""No owner starves another: shares of uploads and streams, connections and bodies that do nothing, wrong keys."""

import logging
import re
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.service.log_limit import LimitedWarnings
from api.service.problems import ProblemError
from api.service.shares import Shares
from api.service.wrong_keys import ENTRIES_AN_HOUR, NOBODY, WrongKeys
from api.web.app import create_app
from api.web.server import config_of
from nc_tasks.settings import Settings
from nc_tasks.store import Store
from nc_tasks.store.rows import audit
from tests.api.service.conftest import MakeKey, form, serving
from tests.benchmarks.starving import Opener, measure, opened, status, stream_head, upload_head

IDLE, HEAD = 1.0, 0.5
"""Seconds of the service's patience here."""


def test_an_owner_has_a_share_and_everybody_else_the_rest() -> None:
    # Given one who takes as many as there are for one, and others who take the rest
    shares = Shares("uploads", most=4, of_owner=2)
    given = [shares.take("greedy") for _ in range(2)]
    with pytest.raises(ProblemError, match="greedy has 2 uploads at this moment, the limit is 2: end some") as refused:
        shares.take("greedy")
    assert (refused.value.status_code, refused.value.limit, refused.value.headers) == (429, 2, {"Retry-After": "10"})
    for _ in range(2):
        shares.take("second")
    # Then whoever has none gets one all the same, and whoever has one waits
    shares.take("third")
    with pytest.raises(ProblemError, match="there are 5 uploads at this moment, the limit is 4") as refused:
        shares.take("third")
    # And what is given back is free
    given[0]()
    assert shares.taken == 4
    shares.take("fourth")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        redis_url=f"unix://{tmp_path}/no-broker",
        database_url=None,
        body_idle_seconds=IDLE,
        head_seconds=HEAD,
        keep_alive_seconds=1,
        reading_seconds=IDLE,
        uploads_at_once=3,
        uploads_of_owner=2,
        streams_of_owner=2,
    )


@pytest.fixture
def url(settings: Settings, sent: list[str]) -> Iterator[str]:  # noqa: ARG001
    app: FastAPI = create_app(settings)
    config = config_of(settings, app)
    config.timeout_graceful_shutdown = 1
    with serving(app, config) as url:
        yield url


@pytest.fixture
def connect() -> Iterator[Opener]:
    with opened() as opener:
        yield opener


def answered(connection: socket.socket, within: float) -> tuple[bytes, float]:
    """All that comes until the other side closes, and after how many seconds that was."""
    connection.settimeout(within)
    began, said = time.monotonic(), b""
    while piece := connection.recv(2**16):
        said += piece
    return said, time.monotonic() - began


def bearer(headers: dict[str, str]) -> str:
    return headers["Authorization"].removeprefix("Bearer ")


def test_a_stalled_upload_is_ended_and_leaves_nothing(
    url: str, settings: Settings, make_key: MakeKey, connect: Opener
) -> None:
    # Given an upload of which nothing more comes
    said, seconds = answered(connect(url, upload_head(bearer(make_key("stalls")))), within=20)
    # Then it is told so, its connection closed and its bytes gone
    assert b"408 Request Timeout" in said
    assert re.search(
        rb"1\d\d\d of 1048576 bytes of the body have come and nothing came of it for 1 s: send it again", said
    )
    assert IDLE <= seconds < 10
    assert list(settings.artefacts.glob("*.tmp")) == []


def trickle(connection: socket.socket, pause: float, most: float) -> bytes:
    """Send a byte at a time until the other side answers; what it says."""
    deadline = time.monotonic() + most
    connection.settimeout(pause)
    while time.monotonic() < deadline:
        connection.sendall(b"x")
        try:
            said = connection.recv(2**16)
            return said + answered(connection, most)[0]
        except TimeoutError:
            continue
    return b""


def test_an_upload_that_trickles_is_ended_too(url: str, make_key: MakeKey, connect: Opener) -> None:
    said = trickle(connect(url, upload_head(bearer(make_key("trickles")))), pause=IDLE / 4, most=20)
    assert b"408 Request Timeout" in said
    assert b"the limit is 16384 bytes a second" in said


def test_a_small_body_that_does_not_come_is_ended_too(url: str, make_key: MakeKey, connect: Opener) -> None:
    head = f"POST /v1/submissions/batch HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {bearer(make_key('a'))}\r\n"
    said, _ = answered(
        connect(url, f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode()), 20
    )
    assert b"408 Request Timeout" in said


def test_uploads_of_one_leave_room_for_others(url: str, make_key: MakeKey, connect: Opener) -> None:
    # Given one who has begun as many uploads as anybody may have
    greedy = make_key("greedy")
    for _ in range(2):
        connect(url, upload_head(bearer(greedy)))
    time.sleep(IDLE / 4)
    # Then he waits, is told why and for how long, and others do not
    refused = httpx.post(f"{url}/v1/submissions", headers=greedy, **form(), trust_env=False)
    assert (refused.status_code, refused.json()["limit"], refused.headers["retry-after"]) == (429, 2, "10")
    assert refused.json()["detail"].startswith("greedy has 2 uploads that are being taken in at this moment, the limit")
    assert httpx.post(f"{url}/v1/submissions", headers=make_key("other"), **form(), trust_env=False).status_code == 202
    # And his own are free again once they were ended
    time.sleep(2 * IDLE)
    assert httpx.post(f"{url}/v1/submissions", headers=greedy, **form(), trust_env=False).status_code == 202


def test_streams_of_one_leave_room_for_others(url: str, make_key: MakeKey, connect: Opener) -> None:
    keys = {owner: make_key(owner) for owner in ("greedy", "other")}
    made = {
        owner: httpx.post(f"{url}/v1/submissions", headers=key, **form(owner.encode()), trust_env=False).json()["id"]
        for owner, key in keys.items()
    }

    def begun(owner: str) -> tuple[socket.socket, int]:
        connection = connect(url, stream_head(bearer(keys[owner]), made[owner]))
        said: list[int] = []

        def heard() -> bool:
            said.extend(filter(None, [status(connection)]))
            return bool(said)

        until(heard)
        return connection, said[0]

    streams = [begun("greedy") for _ in range(3)]
    assert [said for _, said in streams] == [200, 200, 429]
    assert begun("other")[1] == 200
    # And a place is free once its stream has ended
    streams[0][0].close()
    until(lambda: begun("greedy")[1] == 200)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "])
def test_a_head_that_does_not_come_is_not_waited_for(begun: bytes, url: str, connect: Opener) -> None:
    said, seconds = answered(connect(url, begun), within=20)
    assert said.startswith(b"HTTP/1.1 408 ") if begun else said == b""
    assert HEAD / 2 < seconds < 10


def test_a_head_that_comes_in_drops_is_not_waited_for(url: str, connect: Opener) -> None:
    connection = connect(url, b"GET / HTTP/1.1\r\nX-A: ")
    assert trickle(connection, pause=HEAD / 8, most=20).startswith(b"HTTP/1.1 408 ")


def test_a_second_head_has_its_own_time(url: str, connect: Opener) -> None:
    # Given a connection whose first request was answered
    connection = connect(url, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(HEAD / 2)
    assert connection.recv(2**16).startswith(b"HTTP/1.1 200 ")
    # When the second is begun and nothing follows
    connection.sendall(b"GET /hea")
    said, seconds = answered(connection, within=20)
    # Then it ends as the first would have
    assert said.startswith(b"HTTP/1.1 408 ")
    assert seconds < 10
    # And one that asks for nothing more is closed without a word
    idle = connect(url, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    said, seconds = answered(idle, within=20)
    assert said.count(b"HTTP/1.1") == 1
    assert seconds < 10


def test_a_client_that_does_not_read_its_answers_is_cut_off(url: str, connect: Opener) -> None:
    # Given a client that asks for a long answer again and again, and reads nothing
    connection = connect(url, b"")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 300)
    # When more time has gone than it may let them lie
    time.sleep(4 * IDLE)
    # Then nobody is there any more
    until(lambda: is_cut(connection))


def is_cut(connection: socket.socket) -> bool:
    try:
        connection.send(b"G")
    except (ConnectionResetError, BrokenPipeError):
        return True
    time.sleep(0.05)
    return False


def test_an_answer_that_takes_longer_than_a_head_may_is_given(url: str, make_key: MakeKey) -> None:
    # Given a stream of events, on which nothing of the client's follows its head
    key = make_key("patient")
    made = httpx.post(f"{url}/v1/submissions", headers=key, **form(), trust_env=False).json()["id"]
    lines, began = [], time.monotonic()
    with httpx.stream("GET", f"{url}/v1/submissions/{made}/events", headers=key, timeout=20, trust_env=False) as stream:
        # When it lasts longer than any time there is for connections that do nothing
        for line in stream.iter_lines():
            lines.append(line)
            if len(lines) == 5:
                httpx.post(f"{url}/v1/submissions/{made}/cancel", headers=key, trust_env=False).raise_for_status()
                time.sleep(3 * IDLE)
    # Then it is still told the end
    assert time.monotonic() - began > 3 * IDLE
    assert "event: end" in lines


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


def test_given_one_owner_who_takes_all_that_it_can_then_anothers_submissions_are_answered_within_a_second(
    tmp_path: Path,
) -> None:
    settings = Settings(home=tmp_path / "home", redis_url=None, database_url=None, api_port=0, streams_of_owner=100)
    found = measure(settings, uploads=8, streams=150, submissions=10)
    assert found.uploads == {None: settings.uploads_of_owner, 429: 8 - settings.uploads_of_owner}
    assert found.streams == {200: 100, 429: 50}
    assert statistics.median(found.seconds) < 1.0
    assert max(found.seconds) < 1.0 + max(found.alone)  # a machine that does other work besides
