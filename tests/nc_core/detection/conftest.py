"""The library of clean scans as the tests of detection know it."""

import pytest

from tests.nc_core.detection.norms import LIBRARY


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nc_core.detection.library.library", lambda: tuple(LIBRARY))
