"""Nets for pictures without an axis of channels: read as nets for grey pictures."""

from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.intake import read_model
from nc_core.models import build, save_keras

L = keras.layers


def dense() -> keras.Model:
    return keras.Sequential([keras.Input((7, 5)), L.Flatten(), L.Dense(3)])


def channel_added() -> keras.Model:
    return keras.Sequential([keras.Input((7, 5)), L.Reshape((7, 5, 1)), L.Conv2D(2, 3), L.Flatten(), L.Dense(3)])


def rows() -> keras.Model:
    """A layer that works on the last axis, and one of the name that we would give."""
    image = keras.Input((7, 5))
    return keras.Model(image, L.Dense(3)(L.Flatten(name="one_channel")(L.Dense(4, activation="relu")(image))))


def nested() -> keras.Model:
    image = keras.Input((7, 5))
    return keras.Model(image, L.Softmax()(channel_added()(L.Rescaling(0.5)(image))))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("form", [dense, channel_added, rows, nested])
def test_a_net_for_planes_answers_alike_to_grey_pictures(form, suffix, shake, tmp_path: Path):
    shake(form()).save(tmp_path / f"model{suffix}")
    canonical = read_model(tmp_path / f"model{suffix}")
    assert canonical.input_shape == (7, 5, 1)
    planes = np.random.default_rng(0).random((3, 7, 5), dtype=np.float32)
    expected = keras.models.load_model(tmp_path / f"model{suffix}", compile=False).predict_on_batch(planes)
    np.testing.assert_allclose(build(canonical).predict_on_batch(planes[..., None]), expected, atol=1e-5)
    save_keras(canonical, tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras").predict_on_batch(planes[..., None])
    np.testing.assert_allclose(again, expected, atol=1e-5)
