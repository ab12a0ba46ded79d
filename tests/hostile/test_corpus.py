"""Each hostile file is refused in one clear line, or admitted without what is hostile in it; nothing else happens."""

import os
import re
import resource
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from nc_core.datasets import Images
from nc_core.errors import DataRefused, InputRefused, ModelRefused
from nc_core.intake import CanonicalModel
from nc_core.intake.layers import KINDS
from nc_core.quarantine.admit import admit_images, admit_model
from nc_core.quarantine.limits import GIB
from nc_core.quarantine.process import Ended
from tests.hostile.corpus import DATA, MODELS
from tests.hostile.families.case import Case
from tests.hostile.fuzz import FOR_US

SECONDS = 10
OWNED = Path("/tmp/owned")
"""What the payloads would leave."""


def state() -> dict[str, Any]:
    """What of this process hostile code could have changed."""
    return {
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "mask": (os.umask(0o22), os.umask(0o22))[1],
        "open": opened(),
        "threads": threading.active_count(),
        "children": psutil.Process().children(),
        "handlers": [signal.getsignal(number) for number in signal.valid_signals()],
        "path": list(sys.path),
        "keras": {"tensorflow", "keras"} & set(sys.modules),
        "float errors": np.geterr(),
    }


def opened() -> list[str]:
    """Files that this process holds open by name; what was admitted is mapped from one without."""
    places = [Path(entry.path) for entry in os.scandir("/proc/self/fd")] if sys.platform == "linux" else []
    names = [os.readlink(place) for place in places if place.is_symlink()]
    return sorted(name for name in names if not name.endswith(("(deleted)", "/fd")))


def contents(folder: Path) -> dict[str, object]:
    """Every file below a folder and when it was changed."""
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


def check(case: Case, admit: Callable[[Path], object], refused: type[InputRefused], folder: Path) -> object | None:
    """Have a case read in quarantine; returns what was admitted."""
    path = case.make(folder)
    before, files = state(), contents(folder)
    admitted = None
    if case.said is None:
        admitted = admit(path)
    else:
        with pytest.raises(refused) as refusal:
            admit(path)
        line = str(refusal.value)
        assert re.search(case.said, line), line
        assert line.isprintable(), line
        assert 20 < len(line) < 1000, line
        assert ": " in line or "; " in line or " (" in line, "a refusal says what to do"
        assert_for_people(line)
    assert state() == before
    assert contents(folder) == files
    assert not OWNED.exists()
    return admitted


def assert_for_people(line: str) -> None:
    """A refusal names no exception of Python, nor a place in a program."""
    assert not FOR_US.search(line), line


def cheap(ended: list[Ended]) -> None:
    """No child took much, whatever it read; those that look at no byte start none."""
    # The kernel hands the peak of this process on to the child: where that is larger, nothing is known of the child's.
    most = max(GIB, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + 1)
    assert [child for child in ended if child.seconds >= SECONDS or child.peak >= most] == []


@pytest.mark.parametrize("name", MODELS)
def test_a_hostile_model(name: str, tmp_path: Path, scratch: Path, ended: list[Ended]) -> None:
    (tmp_path / "upload").mkdir()
    model = check(MODELS[name], admit_model, ModelRefused, tmp_path / "upload")
    cheap(ended)
    assert list(scratch.iterdir()) == []
    if model is not None:
        plain(model)


def plain(model: object) -> None:
    """Listed layers, finite float32 weights, no name that could be a path."""
    assert isinstance(model, CanonicalModel)
    assert {layer.kind for layer in model.layers} <= set(KINDS)
    assert all("/" not in layer.name for layer in model.layers)
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in model.weights.values())


@pytest.mark.parametrize("name", DATA)
def test_a_hostile_data_file(name: str, tmp_path: Path, scratch: Path, ended: list[Ended]) -> None:
    (tmp_path / "upload").mkdir()
    images = check(DATA[name], admit_images, DataRefused, tmp_path / "upload")
    cheap(ended)
    assert list(scratch.iterdir()) == []
    assert images is None or isinstance(images, Images)
