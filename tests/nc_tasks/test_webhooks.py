"""Callbacks: signed, told once, tried again, and never sent inside the network; against a receiver of our own."""

import hmac
import json
import socket
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from nc_core.errors import OptionRefused
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import Delivery, Store, Submission, open_store
from nc_tasks.store.rows import deliveries, submissions
from nc_tasks.webhooks import Callbacks, check_url, posting
from nc_tasks.webhooks.delivering import THREADS

HANGS_SECONDS = 8.0
"""How long a receiver is held at most: less than a message may take."""
INSIDE = (
    *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("::1", "fd00::1", "fe80::1", "::ffff:127.0.0.1"),
    *("64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:a9fe:a9fe::1", "::10.0.0.1", "fec0::1"),
)
"""Loopback, private, link-local, shared, unspecified and multicast addresses, and those that lead to one."""


class Receiver(HTTPServer):
    """Keeps what it is sent; `answers`: the statuses to come, 200 after them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.told = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/told?by=cleanse"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.server.told.set()
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def serving(server: Receiver) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    with serving(server):
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url=None, callback_private=True)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


def submitted(store: Store, url: str) -> str:
    with store.write() as session:
        row = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a" * 64, name="badnet.h5"),
                data=StoredFile(sha256="d" * 64, name="clean.npz"),
                options=ScanOptions(),
                tags={"build": "17"},
            ),
            owner="alice",
        )
        deliveries.ask_for(session, submission_id=row.id, url=url)
    return row.id


def ended(store: Store, identity: str) -> None:
    with store.write() as session:
        submissions.cancel(session, submission_id=identity)


def row_of(store: Store, identity: str) -> Delivery:
    with store.read() as session:
        (row,) = deliveries.of_submission(session, submission_id=identity)
    return row


def due_now(store: Store) -> None:
    with store.write() as session:
        session.execute(update(Delivery).values(next_at=Delivery.created_at))


def test_when_a_submission_ends_then_its_address_is_told_once_signed_with_the_owners_secret(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    identity = submitted(store, receiver.url)
    with store.write() as session:
        session.execute(update(Submission).values(scanned_sha256="5" * 64))
    assert Callbacks(store, settings).deliver() == 0
    ended(store, identity)
    assert [Callbacks(store, settings).deliver() for _ in range(2)] == [1, 0]
    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert (told["submission"], told["state"], told["tags"]) == (identity, "cancelled", {"build": "17"})
    assert told["model"] == {"sha256": "a" * 64, "scanned_sha256": "5" * 64, "name": "badnet.h5"}
    # And a receiver's ready-made code takes it
    with store.write() as session:
        secrets = [deliveries.webhook_secret(session, owner=owner) for owner in ("alice", "bob")]
    assert Webhook(secrets[0]).verify(body, headers) == told
    # And this is what is signed, by the specification
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = b64decode(secrets[0].removeprefix("whsec_"), validate=True)
    assert headers["webhook-signature"] == f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
    assert len(key) == 32
    # But not with another body, another id or time, or the secret of another owner
    for secret, sent, heads in (
        (secrets[0], body.replace(b"cancelled", b"done"), headers),
        (secrets[0], body, {**headers, "webhook-id": "msg_0"}),
        (secrets[0], body, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
        (secrets[1], body, headers),
    ):
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            Webhook(secret).verify(sent, heads)
    assert (row_of(store, identity).state, row_of(store, identity).status) == ("done", 200)


def test_given_a_receiver_that_fails_then_it_is_told_again_later_and_a_redirect_is_not_followed(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    receiver.answers = [500, 302]
    identity = submitted(store, receiver.url)
    ended(store, identity)
    for tries, status in ((1, 500), (2, 302)):
        Callbacks(store, settings).deliver()
        assert Callbacks(store, settings).deliver() == 0  # not before the pause is over
        row = row_of(store, identity)
        assert (len(receiver.got), row.state, row.status) == (tries, "queued", status)
        due_now(store)
    assert Callbacks(store, settings).deliver() == 1
    assert row_of(store, identity).attempt == 3
    # And it can tell that all tries were of one message
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


def test_given_a_receiver_that_is_never_there_then_it_is_given_up_in_the_end(store: Store, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    identity = submitted(store, f"http://127.0.0.1:{nobody}/")
    ended(store, identity)
    for _ in range(len(deliveries.PAUSES) + 1):
        assert row_of(store, identity).state != "failed"
        Callbacks(store, settings).deliver()
        due_now(store)
    row = row_of(store, identity)
    assert (row.state, row.attempt) == ("failed", len(deliveries.PAUSES) + 1)
    assert "ConnectionRefusedError" in str(row.reason)


def test_when_it_is_tried_again_then_its_next_end_is_told_too(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    identity = submitted(store, receiver.url)
    ended(store, identity)
    Callbacks(store, settings).deliver()
    with store.write() as session:
        submissions.retry(session, submission_id=identity)
    Callbacks(store, settings).deliver()
    assert len(receiver.got) == 1
    ended(store, identity)
    Callbacks(store, settings).deliver()
    assert len(receiver.got) == 2
    # And it can tell that this is another message
    first, second = (headers["webhook-id"] for headers, _ in receiver.got)
    assert first != second
    assert "." not in first + second


@pytest.mark.parametrize("address", INSIDE)
def test_given_a_name_that_leads_inside_then_nothing_is_sent_and_nothing_tried_again(
    store: Store, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    identity = submitted(store, f"http://rebound.example:{receiver.server_port}/")
    ended(store, identity)
    assert Callbacks(store, settings.model_copy(update={"callback_private": False})).deliver() == 0
    row = row_of(store, identity)
    assert (row.state, receiver.got, asked) == ("failed", [], ["rebound.example"])
    assert "inside a network" in str(row.reason)


@pytest.mark.parametrize("address", ["64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::1", "2600::1"])
def test_given_an_address_that_leads_to_a_public_one_then_it_may_be_called(address: str) -> None:
    check_url(f"http://[{address}]/", allow_private=False)


@contextmanager
def dripping(pieces: int, held: threading.Event | None = None) -> Iterator[str]:
    """The address of a receiver that answers with one letter after the other; held: not before that is set."""

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            if held is not None:
                held.wait(HANGS_SECONDS)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(pieces):
                connection.sendall(b"x")
                time.sleep(0.02)
            connection.sendall(b"\r\nContent-Length: 0\r\n\r\n")

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_given_a_receiver_that_answers_letter_by_letter_then_it_has_so_long_in_all(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given one that lets no second pass without a letter, and takes two for the whole answer
    monkeypatch.setattr(posting, "TOTAL_SECONDS", 0.5)
    with dripping(pieces=100) as url:
        identity = submitted(store, url)
        ended(store, identity)
        # When it is told
        assert Callbacks(store, settings).deliver() == 0
    # Then it is tried again later
    row = row_of(store, identity)
    assert (row.state, row.attempt) == ("queued", 1)
    assert row.reason == "no whole answer within 0.5 s, the limit"


def test_given_a_receiver_that_is_slow_however_many_are_for_it_then_another_is_told_meanwhile(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    answers = threading.Event()
    with dripping(pieces=0, held=answers) as slow:
        # Given many messages to one that does not answer, and after them one to another
        addresses = [*(f"{slow}/{number}" for number in range(2 * THREADS)), receiver.url]
        identity = submitted(store, addresses[0])
        with store.write() as session:
            for url in addresses[1:]:
                deliveries.ask_for(session, submission_id=identity, url=url)
        ended(store, identity)
        # When all threads are at it
        callbacks = Callbacks(store, settings)
        with ThreadPoolExecutor(THREADS) as pool:
            looks = [pool.submit(callbacks.deliver) for _ in range(THREADS)]
            # Then the other one is told before the slow one has answered anything
            told = receiver.told.wait(HANGS_SECONDS)
            answers.set()
        assert told
        # And in the end each was told once
        assert sum(look.result() for look in looks) == len(addresses)


def test_given_a_host_that_no_name_can_be_then_its_message_has_failed_and_the_next_is_sent(
    store: Store, settings: Settings, receiver: Receiver
) -> None:
    identity = submitted(store, f"http://{'a' * 64}.example/")
    with store.write() as session:
        deliveries.ask_for(session, submission_id=identity, url=receiver.url)
    ended(store, identity)
    assert Callbacks(store, settings).deliver() == 1
    with store.read() as session:
        states = {row.state: row.reason for row in deliveries.of_submission(session, submission_id=identity)}
    assert states.keys() == {"failed", "done"}
    assert "is no name" in str(states["failed"])


@pytest.mark.parametrize(
    "url",
    ["ftp://x/", "http://", "http://u:p@x/", "http://127.0.0.1/", "http://[::1]/", "http://x:99999/", "http://ü/"],
)
def test_given_an_address_that_could_not_be_called_then_it_is_refused_at_once(url: str) -> None:
    with pytest.raises(OptionRefused, match=r"callback"):
        check_url(url, allow_private=False)
