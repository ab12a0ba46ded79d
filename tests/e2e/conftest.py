"""One home with one embedded stack for the whole suite, driven through the `cleanse` command as a user would."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


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
    """The installed command under one home."""

    home: Path

    def __call__(self, *arguments: object, timeout: float = 500) -> Ran:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=timeout)
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
    folder = tmp_path_factory.mktemp("planted")
    ran = cleanse("plant", "signs", "--target", 6, "--colour", "255,0,170", "--out", folder)
    assert ran.code == 0, ran.err
    return Planted(folder=folder, target=6)
