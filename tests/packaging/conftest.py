"""The wheel of what git has, installed into an environment of its own."""

import os
import shutil
import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 900.0


@dataclass(frozen=True, kw_only=True)
class Installed:
    """An environment that has the wheel. folder: where its commands run, outside of any checkout."""

    environment: Path
    folder: Path

    def __call__(self, *command: object) -> "subprocess.CompletedProcess[str]":
        """Run a program of the environment; the home is under the folder."""
        program, *arguments = map(str, command)
        return subprocess.run(
            [self.environment / "bin" / program, *arguments],
            cwd=self.folder,
            env={**os.environ, "CLEANSE_HOME": str(self.folder / "home"), "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of the files that git knows: what was built before leaves nothing behind in it."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(made), str(source))
    (found,) = made.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Beside the wheel it has what this environment has, but for this checkout; all is taken down at the end."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False, symlinks=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    pip("--python", str(environment / "bin/python"), "install", "--no-deps", "--no-index", str(wheel))
    # After its own packages; the lines that make this checkout importable are not followed from here.
    (packages / "others.pth").write_text("\n".join(site.getsitepackages()))
    command = Installed(environment=environment, folder=tmp_path_factory.mktemp("work"))
    yield command
    command("cleanse", "down")


def pip(*arguments: str) -> None:
    """Run it; raises with what it said where it fails."""
    ran = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
