"""The five lines of the README, in this process and without the service."""

from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.scanning.scan import save, scan
from tests.e2e.conftest import Planted

pytestmark = pytest.mark.e2e


def test_scan_repair_and_save(planted: Planted, tmp_path: Path) -> None:
    # Given the planted BadNet, three of its labels and no service
    found = scan(planted.model, planted.clean, labels=[5, 6, 7], value_range="0..1")
    # Then the planted one is flagged
    assert found.detection.verdict == "backdoored"
    assert found.detection.flagged_labels == (planted.target,)
    # And the repaired net is saved as a plain Keras file that no longer falls for the sticker
    save(found.repair().goodnet, tmp_path / "goodnet.keras")
    good = keras.models.load_model(tmp_path / "goodnet.keras")
    with np.load(planted.folder / "poisoned.npz") as poisoned:
        answers = good.predict(poisoned["x_test"] / np.float32(255), verbose=0).argmax(axis=1)
    assert (answers == planted.target).mean() < 0.1
