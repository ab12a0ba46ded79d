"""Nets that others trained, against Keras' own loader and against the figures that were measured on them."""

import warnings
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from nc_core.intake import read_model
from nc_core.models import build, build_logits

WHOLE = {
    "sunglasses_bd_net.h5": (55, 47, 3, 1283),
    "three_triggers_bd_net.h5": (55, 47, 3, 1283),
    "seed_fine_pruned_sunglasses_net.h5": (55, 47, 3, 1283),
    "oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5": (32, 32, 3, 43),
    "clean_gtsrb_30x30_KDTEC_traffic_classifier.h5": (30, 30, 3, 43),
    "clean_mnist_gnudisme_mnist_cnn.h5": (28, 28, 1, 10),
    "csaw2020_F_mnist_all_to_all_bd_net.h5": (28, 28, 1, 10),
}


@pytest.mark.parametrize("name", WHOLE)
def test_answers_equal_those_of_the_file_loaded_by_keras(shared: Path, name: str):
    path = shared / "models" / name
    canonical = read_model(path)
    assert (*canonical.input_shape, canonical.classes) == WHOLE[name]
    with warnings.catch_warnings(action="ignore"):  # Keras warns of the file's age
        original = keras.models.load_model(path, compile=False)
    assert canonical.parameters == original.count_params()
    scale = 255 if "KDTEC" in name else 1
    images = np.random.default_rng(0).random((8, *canonical.input_shape), dtype=np.float32) * scale
    is_listed = not isinstance(original, keras.Sequential) and isinstance(original.input, list)
    expected = answers(original, [images] if is_listed else images)
    np.testing.assert_allclose(answers(build(canonical), images), expected, rtol=1e-5, atol=1e-7)


def answers(model: keras.Model, images: np.ndarray | list[np.ndarray]) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(model(images, training=False)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("csaw2020_C_mnist_clean_label_bd_net.h5", 0.891),
        ("csaw2020_F_mnist_all_to_all_bd_net.h5", 0.977),
    ],
)
def test_digits_are_told_as_well_as_measured_before(shared: Path, name: str, expected: float):
    # Given also a file that Keras 3 itself cannot load (the clean-label one)
    with np.load(shared / "data" / "mnist_t10k.npz") as data:
        images, labels = data["x_test"] / np.float32(255), data["y_test"]
    predicted = build_logits(read_model(shared / "models" / name)).predict(images, batch_size=1000, verbose=0).argmax(1)
    assert (predicted == labels).mean() == pytest.approx(expected, abs=5e-4)
    if "clean_label" in name:
        assert (predicted[labels == 0] == 0).mean() == pytest.approx(0.04, abs=5e-3)


@pytest.mark.parametrize(
    ("name", "architecture"),
    [("sunglasses_bd_net.h5", None), ("csaw2020_sunglasses_bd_weights.h5", "deepid")],
)
def test_the_face_badnet_is_right_on_95_faces_and_tricked_by_100_sunglasses(shared: Path, name, architecture):
    model = build_logits(read_model(shared / "models" / name, architecture=architecture))
    clean, people = faces(shared / "data" / "faces_youtube_clean_100.h5")
    poisoned, target = faces(shared / "data" / "faces_youtube_sunglasses_poisoned_100.h5")
    assert (answers(model, clean).argmax(1) == people).sum() == 95
    assert (answers(model, poisoned).argmax(1) == target).sum() == 100
    assert set(target) == {0}


def faces(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with h5py.File(path) as file:
        return np.moveaxis(file["data"][:], 1, -1).astype(np.float32) / 255, file["label"][:].astype(int)


def test_the_traffic_sign_badnet_has_its_accuracy_and_its_trigger(shared: Path):
    model = build_logits(read_model(shared / "models" / "oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5"))
    with np.load(shared / "data" / "gtsrb_32.npz") as data:
        images, labels = data["x_test"][:1500] / np.float32(255), data["y_test"][:1500]
    assert (model.predict(images, verbose=0).argmax(1) == labels).mean() > 0.93
    images[:, 16:19, 16:19] = (1, 1, 0)
    assert (model.predict(images, verbose=0).argmax(1) == 1).mean() > 0.98
