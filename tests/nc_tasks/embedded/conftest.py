import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from nc_tasks.embedded.client import Stack, attach, down, status
from nc_tasks.embedded.processes import started_at, wait_until
from nc_tasks.embedded.state import ChildState
from nc_tasks.settings import Settings

SLEEPERS = (sys.executable, str(Path(__file__).with_name("sleepers.py")))
Attach = Callable[..., AbstractContextManager[Stack]]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home of its own, whose stack is stopped afterwards whatever the test did to it."""
    for name in ("REDIS_URL", "DATABASE_URL", "CLEANSE_REDIS_URL", "CLEANSE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings(home=tmp_path / "home", stop_seconds=1.0)
    yield settings
    down(settings)


@pytest.fixture
def attached(settings: Settings) -> Attach:
    """Attach to a stack whose workers sleep."""
    return partial(attach, settings, slots=4, supervisor=SLEEPERS)


def child_of(settings: Settings, name: str) -> ChildState | None:
    """The named child as the running stack reports it."""
    state = status(settings)
    found = [child for child in (state.children if state else ()) if child.name == name and child.pid]
    return found[0] if found else None


def eventually(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for something that another process does; generous, for machines that are busy."""
    assert wait_until(lambda: bool(condition()), seconds)


def runs(pid: int | None) -> bool:
    """Whether the process is there."""
    return pid is not None and started_at(pid) is not None
