"""Fixtures that every suite shares."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import pytest

from tests.servers import postgresql as servers
from tests.servers import sqlite
from tests.servers.postgresql import PostgreSQL

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A machine that does other work is slow, not wrong.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]

# What XLA has compiled for one test it need not compile for the next. Each process has a folder of its own: JAX writes
# into the files that another would be reading. It wants to know before it is imported.
_compiled = TemporaryDirectory(prefix="compiled-") if os.environ.get("KERAS_BACKEND") == "jax" else None
if _compiled is not None:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _compiled.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


def pytest_unconfigure() -> None:
    if _compiled is not None:
        _compiled.cleanup()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and images beside the checkout; tests that need it are skipped where it is missing."""
    folder = ROOT.parent / "shared"
    if not (folder / "MANIFEST.md").is_file():
        pytest.skip(f"real models and images are not here ({folder.name}/ beside the checkout is missing)")
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server that is started for this run of tests."""
    with servers.running() as server:
        yield server


@pytest.fixture(autouse=True)
def _quick_sqlite(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("durable") is None:
        sqlite.hurry(monkeypatch)
