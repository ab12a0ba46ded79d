"""Commands run in this process, against a home of their own; their files may lie in a bucket, as workers' may."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.backends import stack
from api.cli.main import run_command
from nc_tasks.settings import Settings
from tests.nc_tasks.conftest import bucket, s3_server

__all__ = ["bucket", "s3_server"]


@pytest.fixture
def home(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home and the folder that commands go by unless they are told otherwise."""
    monkeypatch.setenv("CLEANSE_HOME", str(settings.home))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def without_workers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No processes are started; the ids of published start tasks are collected."""
    published: list[str] = []

    @contextmanager
    def attached(*_: object, **__: object) -> Iterator[None]:
        yield None

    monkeypatch.setattr(stack, "working_stack", attached)
    monkeypatch.setattr(stack, "keep_up", lambda _: None)
    monkeypatch.setattr("nc_tasks.messages.app.publish_start", lambda identity, **_: published.append(identity))
    monkeypatch.setattr("nc_tasks.messages.app.make_app", lambda _: None)
    return published


def printed(capsys: pytest.CaptureFixture[str], line: str) -> Any:
    """What the command prints with --json."""
    assert run_command([*line.split(), "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)
