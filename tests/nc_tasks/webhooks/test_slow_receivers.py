"""A receiver that is slow: it has so long in all, and delays no other."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

from nc_tasks.settings import Settings
from nc_tasks.store import Store
from nc_tasks.store.rows import deliveries
from nc_tasks.webhooks import Callbacks, posting
from nc_tasks.webhooks.delivering import THREADS
from tests.nc_tasks.webhooks.conftest import Receiver, ended, row_of, submitted

HANGS_SECONDS = 8.0
"""How long a receiver is held at most: less than a message may take."""


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
