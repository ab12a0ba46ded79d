"""The lines of the README, in this process and without the service, and beside the command line."""

from pathlib import Path

import keras
import numpy as np
import pytest

import nc_core
from tests.e2e.conftest import Cleanse, Planted

pytestmark = pytest.mark.e2e


def test_scan_repair_and_save(planted: Planted, tmp_path: Path) -> None:
    # Given the planted BadNet in memory, three of its labels and no service
    model = keras.models.load_model(planted.model)
    with np.load(planted.clean) as clean:
        found = nc_core.scan(model, (clean["x_test"], clean["y_test"]), labels=[5, 6, 7], value_range="0..1")
    # Then the planted one is flagged
    assert found.verdict == "backdoored"
    assert found.flagged_labels == (planted.target,)
    # And the repaired net is saved as a plain Keras file that no longer falls for the sticker
    fixed = nc_core.repair(found)
    good = keras.models.load_model(fixed.save(tmp_path / "goodnet.keras"))
    with np.load(planted.folder / "poisoned.npz") as poisoned:
        stamped, target = poisoned["x_test"], poisoned["y_test"]
    answers = good.predict(stamped / np.float32(255), verbose=0).argmax(axis=1)
    assert (answers == planted.target).mean() < 0.1
    assert nc_core.evaluate(fixed, planted.clean, poisoned=(stamped, target)).attack_success_rate == pytest.approx(
        (answers == planted.target).mean(), abs=0.005
    )


def test_a_scan_in_memory_says_what_the_command_line_says(cleanse: Cleanse, planted: Planted, tmp_path: Path) -> None:
    # Given a scan by the command line, on workers
    chosen = ("--labels", "5-7", "--value-range", "0..1", "--mitigate", "none")
    told = cleanse("run", planted.model, "--data", planted.clean, *chosen, "--out", tmp_path).result
    # When the net is scanned in this process
    with np.load(planted.clean) as clean:
        data = clean["x_test"], clean["y_test"]
    model = keras.models.load_model(planted.model)
    found = nc_core.scan(model, data, labels=[5, 6, 7], value_range="0..1", slots=told["slots"])
    # Then verdict, p-value and norms are the same, and the net to deploy has the same bytes
    assert {row["label"]: row["norm"] for row in told["labels"]} == {row["label"]: row["norm"] for row in found.norms()}
    assert (found.verdict, found.p_value) == (told["verdict"], told["p_value"])
    assert found.result["model"]["scanned_sha256"] == told["model"]["scanned_sha256"]
    # And what is left out of result.json in memory is about the store
    assert set(told) - set(found.result) == {"submission", "commands"}
    assert set(told["labels"][0]) == set(found.result["labels"][0])
    assert set(told["preflight"]) == set(found.result["preflight"])
