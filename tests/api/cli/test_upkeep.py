"""`cleanse up` where it cannot come up: said in one line, and nothing is left running."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from api.cli import upkeep
from api.cli.main import run_command
from nc_tasks.errors import StackFailed
from nc_tasks.settings import Settings


@pytest.fixture(autouse=True)
def own_signal() -> Iterator[None]:
    """The command takes SIGTERM for itself, as it may: its process is its own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of this machine that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_that_is_taken_is_refused_before_anything_starts(
    taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upkeep, "attach", lambda *_, **__: pytest.fail("a process was started"))
    assert run_command(["up", "--port", str(taken), "--home", str(tmp_path / "home")]) == 2
    (complaint,) = capsys.readouterr().err.splitlines()
    assert f"cannot listen on 127.0.0.1 port {taken} (Address already in use" in complaint
    assert "--port" in complaint


class Broken:
    """A stack of which one process does not live."""

    def __init__(self) -> None:
        self.stopped = 0

    def ensure(self) -> bool:
        return False

    def problem(self) -> str:
        return "worker api died 3 times: no memory"

    def stop_if_last(self) -> bool:
        self.stopped += 1
        return True


def test_what_was_started_is_stopped_where_the_rest_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Broken()

    @contextmanager
    def attached(*_: object, **__: object) -> Iterator[Broken]:
        yield stack

    monkeypatch.setattr(upkeep, "attach", attached)
    with pytest.raises(StackFailed, match="worker api died 3 times"):
        upkeep.stay_up(Settings(home=tmp_path, database_url=None, api_port=0), workers=1, detach=False)
    assert stack.stopped == 1


def test_a_service_that_runs_is_adopted_though_its_port_is_its_own(
    taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a home whose service listens on the port that is asked for
    running = SimpleNamespace(children=[SimpleNamespace(name="labels1"), SimpleNamespace(name="api")])
    monkeypatch.setattr(upkeep, "status", lambda _: running)

    @contextmanager
    def attached(*_: object, **__: object) -> Iterator[None]:
        raise StackFailed("attached to it")
        yield

    monkeypatch.setattr(upkeep, "attach", attached)
    # When it is asked for again, then it is what is looked for, not a free port
    with pytest.raises(StackFailed, match="attached to it"):
        upkeep.stay_up(Settings(home=tmp_path, database_url=None, api_port=taken), workers=1, detach=False)
