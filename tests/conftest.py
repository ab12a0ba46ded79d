"""Fixtures that every suite shares."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real models and images beside the checkout; tests that need it are skipped where it is missing."""
    folder = ROOT.parent / "shared"
    if not (folder / "MANIFEST.md").is_file():
        pytest.skip(f"real models and images are not here ({folder.name}/ beside the checkout is missing)")
    return folder
