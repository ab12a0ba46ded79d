"""A server for the client and the commands; submissions are ended by the store's own functions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.cli.main import run_command
from api.service import submitting
from api.web.app import create_app
from nc_tasks.settings import Settings
from tests.api.service.conftest import serving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", redis_url=f"unix://{tmp_path}/no-broker", database_url=None)


@pytest.fixture
def url(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on this home that sends no messages: there is no broker."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEANSE_HOME", str(settings.home))
    monkeypatch.setattr(submitting, "publish", lambda *_: None)
    with serving(create_app(settings)) as address:
        yield address


def printed(capsys: pytest.CaptureFixture[str], *line: str, code: int = 0) -> Any:
    """What the command prints with --json."""
    assert run_command([*line, "--json"]) == code, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)
