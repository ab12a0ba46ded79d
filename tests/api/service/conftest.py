"""The service on a port of this machine and a home of its own; no broker and no worker unless a test brings one."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from api.service import submitting
from api.web.app import create_app
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.rows import keys
from nc_tasks.store.tables.states import Scope


@contextmanager
def serving(app: FastAPI, config: uvicorn.Config | None = None) -> Iterator[str]:
    """Serve the application from a thread of this process; the address."""
    config = config or uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1)
    config.port = 0
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    # A process that serves looks through its memory once, for good; this one holds all that tests have imported.
    with patch("api.web.app.gc"):
        thread.start()
        yield from _started(server, thread)


def _started(server: uvicorn.Server, thread: threading.Thread) -> Iterator[str]:
    try:
        while not server.started:
            assert thread.is_alive(), "the service has ended at its start"
            time.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", redis_url=f"unix://{tmp_path}/no-broker", database_url=None)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of submissions whose message was sent: there is no broker to take it."""
    ids: list[str] = []
    monkeypatch.setattr(submitting, "publish", lambda _service, found: ids.extend(found))
    return ids


@pytest.fixture
def app(settings: Settings, sent: list[str]) -> FastAPI:  # noqa: ARG001
    return create_app(settings)


@pytest.fixture
def client(app: FastAPI) -> Iterator[httpx.Client]:
    """A program on this machine, without a key."""
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


MakeKey = Callable[..., dict[str, str]]


@pytest.fixture
def make_key(store: Store) -> MakeKey:
    """Make a key; returns the header that carries it."""

    def make(owner: str, *scopes: Scope) -> dict[str, str]:
        with store.write() as session:
            made = keys.create(session, owner=owner, name="test", scopes=scopes or ("submit", "read"))
        return {"Authorization": f"Bearer {made.text}"}

    return make


def form(model: bytes = b"model", data: bytes = b"data", **fields: str) -> dict[str, Any]:
    """A submission as httpx wants it."""
    files = {"model": ("badnet.h5", model), "data": ("clean.npz", data)}
    return {"files": files, "data": fields}
