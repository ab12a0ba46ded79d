"""A service of little patience, and connections that try it."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.web.app import create_app
from api.web.server import config_of
from nc_tasks.settings import Settings
from tests.api.service.conftest import serving
from tests.benchmarks.starving import Opener, opened

IDLE, HEAD = 1.0, 0.5
"""Seconds of the service's patience here."""


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


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
