"""An architecture's file: what nets that learned something else have in common."""

from pathlib import Path

import keras
import numpy as np

from nc_core.intake import CanonicalModel
from nc_core.models import canonical_of, save_keras
from nc_core.quarantine.admit import admit_model
from nc_core.scanning.twins import architecture_of

L = keras.layers


def net(seed: int, *, units: int = 8) -> CanonicalModel:
    """One of several nets that one process trains: Keras counts its layers on."""
    image = keras.Input((6, 6, 3))
    inside = L.BatchNormalization()(L.Conv2D(4, 3, activation="relu")(image))
    inside = L.Dense(units, activation="relu")(L.Flatten()(inside))
    made = keras.Model(image, L.Dense(5, activation="softmax")(inside))
    generator = np.random.default_rng(seed)
    made.set_weights([generator.uniform(0.1, 1.0, weight.shape) for weight in made.get_weights()])
    return canonical_of(made)


def file_of(model: CanonicalModel, path: Path) -> bytes:
    save_keras(architecture_of(model), path)
    return path.read_bytes()


def test_nets_of_one_architecture_have_one_file_whatever_they_learned(tmp_path: Path) -> None:
    one, other = net(1), net(2)
    assert [layer.name for layer in one.layers] != [layer.name for layer in other.layers]
    assert file_of(one, tmp_path / "one.keras") == file_of(other, tmp_path / "other.keras")
    assert file_of(net(1, units=9), tmp_path / "wider.keras") != file_of(one, tmp_path / "again.keras")


def test_the_file_is_a_model_that_is_admitted_with_nothing_learned(tmp_path: Path) -> None:
    file_of(net(1), tmp_path / "blank.keras")
    admitted = admit_model(tmp_path / "blank.keras")
    assert admitted.equals(architecture_of(net(3)))
    assert not any(array.any() for array in admitted.weights.values())


def test_what_a_net_was_given_of_its_data_stays(tmp_path: Path) -> None:
    image = keras.Input((6, 6, 3))
    given = L.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.1, 0.2, 0.3])
    learned = L.Normalization()
    inside = learned(given(image))
    learned.adapt(np.random.default_rng(0).random((4, 6, 6, 3)))
    made = canonical_of(keras.Model(image, L.Dense(5, activation="softmax")(L.Flatten()(inside))))
    blank = architecture_of(made)
    kept = [array for array in blank.weights.values() if array.any()]
    assert kept
    save_keras(blank, tmp_path / "blank.keras")
