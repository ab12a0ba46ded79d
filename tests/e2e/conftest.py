"""One home with one embedded stack for each process of tests, driven through the `cleanse` command as a user would."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nc_tasks.capacity import processors
from nc_tasks.embedded.commands import divided

BESIDE = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
"""Processes of tests that run at the same time."""
FIRST = [Path(__file__).with_name(name) for name in ("test_real_models.py", "test_run.py", "test_partial_triggers.py")]
"""The files that take longest: whoever begins with another waits for them at the end."""

PATIENCE_SECONDS = 1800.0
"""Until anything has ended: a machine that does other work takes many times as long."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FIRST.index(item.path) if item.path in FIRST else len(FIRST))


@pytest.fixture(scope="session", autouse=True)
def _own_processors() -> None:
    """Processes of tests divide the processors, as label workers do: each stack finds a machine of that size."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])  # one that replaces another counts on
    share = divided(processors(), BESIDE)[number % BESIDE]
    if share is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, share)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One command's end."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def result(self) -> dict[str, Any]:
        return json.loads((self.folder / "result.json").read_text())


@dataclass(frozen=True, kw_only=True)
class Cleanse:
    """The installed command under one home. umask: as whoever calls it has it; -1: as we have it."""

    home: Path
    umask: int = -1

    def __call__(self, *arguments: object) -> Ran:
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
        folder = Path(arguments[arguments.index("--out") + 1]) if "--out" in arguments else Path()
        return Ran(code=process.returncode, out=out, err=err, folder=folder)

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [str(Path(sys.executable).with_name("cleanse")), *map(str, arguments)]
        environment = {**os.environ, "CLEANSE_HOME": str(self.home)}
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            umask=self.umask,
            # As in a terminal: whoever runs the tests in the background has it ignored, and so would the command.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


@pytest.fixture(scope="session")
def cleanse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cleanse]:
    """The command; its stack is stopped at the end."""
    command = Cleanse(home=tmp_path_factory.mktemp("home"))
    yield command
    assert command("down").code == 0


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A BadNet planted on drawn signs: a pink sticker sends all signs to `target`."""

    folder: Path
    target: int

    @property
    def model(self) -> Path:
        return self.folder / "badnet.keras"

    @property
    def clean(self) -> Path:
        return self.folder / "clean.npz"


@pytest.fixture(scope="session")
def planted(cleanse: Cleanse, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Planted by the first process of tests that wants it, for all."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if BESIDE == 1 else base.parent) / "planted"
    with alone(folder.with_suffix(".lock")):
        if not (folder / "planted.json").exists():
            ran = cleanse("plant", "signs", "--target", 6, "--colour", "255,0,170", "--out", folder)
            assert ran.code == 0, ran.err
    return Planted(folder=folder, target=6)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock on this file."""
    with path.open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
