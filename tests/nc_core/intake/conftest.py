"""Files to read: written by Keras, then changed by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import read_model

Edit = Callable[[dict[str, Any]], object]


def classifier() -> keras.Model:
    """Images of 8x8x3 in three classes; layers `conv`, `norm`, `flat`, `answer`."""
    image = keras.Input((8, 8, 3), name="picture")
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    x = keras.layers.Flatten(name="flat")(keras.layers.BatchNormalization(name="norm")(x))
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name="answer")(x))


@pytest.fixture(scope="session")
def _saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    keras.utils.set_random_seed(0)
    model = classifier()
    model.save(folder / "model.h5")
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.h5")
    return folder


@pytest.fixture
def h5(_saved: Path, tmp_path: Path) -> Path:
    """A copy of the classifier as `.h5`."""
    return copy(_saved / "model.h5", tmp_path)


@pytest.fixture
def archive(_saved: Path, tmp_path: Path) -> Path:
    """A copy of the classifier as `.keras`."""
    return copy(_saved / "model.keras", tmp_path)


@pytest.fixture
def weights_only(_saved: Path, tmp_path: Path) -> Path:
    """A copy of the classifier's weights as Keras 3 saves them."""
    return copy(_saved / "model.weights.h5", tmp_path)


def copy(source: Path, folder: Path) -> Path:
    target = folder / source.name
    target.write_bytes(source.read_bytes())
    return target


@pytest.fixture
def edited(h5: Path) -> Callable[[str, Edit], Path]:
    """The `.h5` classifier with the configuration of one layer ("" for the model's own) edited in place."""

    def edit(layer: str, change: Edit) -> Path:
        with h5py.File(h5, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            entries = {entry["name"]: entry for entry in config["config"]["layers"]}
            change(entries[layer] if layer else config)
            file.attrs["model_config"] = json.dumps(config)
        return h5

    return edit


def refusal(path: Path) -> str:
    """Why the file is refused, in one line."""
    with pytest.raises(ModelRefused) as refused:
        read_model(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)
