"""Submissions that ask for a callback, and a receiver of our own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import Delivery, Store, open_store
from nc_tasks.store.rows import deliveries, submissions


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
