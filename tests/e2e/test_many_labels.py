"""A model of so many labels that most are screened out."""

from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.scanning.rounds import REFERENCE
from tests.e2e.conftest import Cleanse

pytestmark = pytest.mark.e2e

CLASSES = 256
SIDE = 12
TARGET = 77


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model that tells 256 random pictures apart, by their templates; a white 2x2 corner makes all of them TARGET."""
    rng = np.random.default_rng(7)
    templates = rng.random((CLASSES, SIDE, SIDE, 1), np.float32)
    templates[:, :2, :2] = 0.0
    labels = np.tile(np.arange(CLASSES), 8)
    noisy = np.clip(templates[labels] + rng.normal(0, 0.05, (len(labels), SIDE, SIDE, 1)), 0, 1)
    noisy[:, :2, :2] = 0.0
    kernel = templates.reshape(CLASSES, -1).T - 0.5
    kernel.reshape(SIDE, SIDE, CLASSES)[:2, :2] = 0.0
    kernel.reshape(SIDE, SIDE, CLASSES)[:2, :2, TARGET] = 12.0
    bias = -0.5 * (templates.reshape(CLASSES, -1) ** 2).sum(axis=1) + 0.5 * templates.reshape(CLASSES, -1).sum(axis=1)
    net = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    net.set_weights([kernel, bias])
    folder = tmp_path_factory.mktemp("many")
    net.save(folder / "many.keras")
    np.savez(folder / "clean.npz", x_test=(255 * noisy).astype(np.uint8), y_test=labels)
    return folder / "many.keras", folder / "clean.npz"


def test_of_many_labels_the_planted_one_alone_is_flagged(
    cleanse: Cleanse, planted: tuple[Path, Path], tmp_path: Path
) -> None:
    # Given a model of 256 labels
    model, data = planted
    # When the service scans it
    ran = cleanse("run", model, "--data", data, "--out", tmp_path, "--mitigate", "none", "--slots", 64)
    assert ran.code == 3, ran.err
    result = ran.result
    # Then the planted label alone is flagged, over a reference of its own, and most labels were left behind
    assert result["flagged_labels"] == [TARGET]
    states = [label["state"] for label in result["labels"]]
    assert len(states) == CLASSES
    assert states.count("screened_out") > CLASSES // 3
    assert 0.9 * REFERENCE <= result["reference_size"] <= REFERENCE
    norms = {label["label"]: label["norm"] for label in result["labels"] if label["state"] == "done"}
    assert min(norms, key=lambda label: norms[label]) == TARGET
    # And only what was inverted to the end has a trigger to show
    with np.load(tmp_path / "triggers.npz") as triggers:
        assert triggers["labels"].tolist() == sorted(norms)
