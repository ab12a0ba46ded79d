"""Nets with weights that tell layers apart, and the way through file, canonical form and back."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.intake import CanonicalModel, read_model
from nc_core.models import build

Shake = Callable[[keras.Model], keras.Model]
Through = Callable[[keras.Model, str], CanonicalModel]


def answers(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The outputs of a net, computed step by step: compiling a net of hundreds of layers would take
    seconds.
    """
    return np.array(keras.ops.convert_to_numpy(model(images, training=False)))


def images_of_three_brightnesses(shape: tuple[int, int, int]) -> np.ndarray:
    """(3, H, W, C): averaging over pixels leaves them different."""
    noise = np.random.default_rng(3).random((3, *shape), dtype=np.float32)
    return noise * np.array([0.3, 1, 4], np.float32).reshape(3, 1, 1, 1)


@pytest.fixture
def shake() -> Shake:
    """Every weight of a net drawn anew: a net as made has zeros and ones that hide a mix-up."""

    def shaken(model: keras.Model) -> keras.Model:
        generator = np.random.default_rng(7)
        for variable in model.weights:
            if variable.dtype.startswith("float"):
                values = generator.normal(0, 0.3, variable.shape)
                variable.assign(np.abs(values) + 0.5 if "variance" in variable.name else values)
        for layer in model.layers:
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()
        return model

    return shaken


@pytest.fixture
def through(tmp_path: Path) -> Through:
    """Save a net as a file of the given suffix, read it, build it, compare the answers of both on random
    images.
    """

    def passed(model: keras.Model, suffix: str) -> CanonicalModel:
        path = tmp_path / f"submitted{suffix}"
        model.save(path)
        canonical = read_model(path)
        images = images_of_three_brightnesses(canonical.input_shape)
        expected = answers(model, images)
        # Untrained nets answer in any size, so differences are held against the size of the answers.
        size = np.abs(expected).max()
        np.testing.assert_allclose(answers(build(canonical), images), expected, rtol=0, atol=1e-5 * size)
        assert np.ptp(expected, axis=0).max() > 1e-4 * size, "the net must answer differently on different images"
        return canonical

    return passed
