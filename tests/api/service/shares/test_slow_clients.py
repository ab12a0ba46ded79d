"""Connections and bodies that do nothing are ended; a slow answer of ours is not."""

import re
import socket
import time

import httpx
import pytest

from nc_tasks.settings import Settings
from tests.api.service.conftest import MakeKey, form
from tests.api.service.shares.conftest import HEAD, IDLE, answered, bearer, until
from tests.benchmarks.starving import Opener, upload_head


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
