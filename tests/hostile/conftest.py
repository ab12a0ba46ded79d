"""The real quarantine, and what each of its children took."""

from pathlib import Path

import pytest

from nc_core.quarantine import admit, process
from nc_core.quarantine.process import Ended


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[Ended]:
    """Every child that the quarantine starts, once it has ended."""
    seen: list[Ended] = []

    def run(*arguments: object) -> Ended:
        seen.append(process.run(*arguments))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr(admit, "run", run)
    return seen


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder
