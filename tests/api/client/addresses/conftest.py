"""Downloads under a limit of a thousand bytes, and servers on this machine to fetch from."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.client.addresses import Downloads
from nc_tasks.settings import Settings
from tests.nc_tasks.conftest import bucket, s3_server
from tests.servers import web
from tests.servers.web import Web

__all__ = ["bucket", "s3_server"]

LIMIT = 1000


@pytest.fixture
def server() -> Iterator[Web]:
    with web.running() as running:
        yield running


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def lines() -> list[str]:
    """What is told of files that came."""
    return []


@pytest.fixture
def downloads(temporary: Path, tmp_path: Path, lines: list[str]) -> Iterator[Downloads]:
    """At its end nothing of it is left, whatever happened."""
    settings = Settings(home=tmp_path / "home", upload_bytes=LIMIT)
    with Downloads(lambda: settings, told=lines.append) as opened:
        yield opened
    assert list(temporary.iterdir()) == []
