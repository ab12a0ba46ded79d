"""Operations of Keras and ConvNeXt's own layers: read as layers of the same meaning, which plain Keras loads."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.applications.convnext import LayerScale, StochasticDepth

from nc_core.errors import ModelRefused
from nc_core.intake import read_model
from nc_core.models import build

L = keras.layers
SUFFIXES = [".keras", ".h5"]

OPERATIONS = {
    "x + n": (lambda x: x + 3.0, "Rescaling"),
    "n + x": (lambda x: 3 + x, "Rescaling"),
    "x - n": (lambda x: x - 0.7, "Rescaling"),
    "n - x": (lambda x: 0.7 - x, "Rescaling"),
    "x * n": (lambda x: x * (1.0 / 6.0), "Rescaling"),
    "n * x": (lambda x: -2 * x, "Rescaling"),
    "x / n": (lambda x: x / 0.3, "Rescaling"),
    "divide(x, n)": (lambda x: keras.ops.divide(x, 0.3), "Rescaling"),
    "x + y": (lambda x: x + L.Conv2D(4, 1)(x), "Add"),
    "x + x": (lambda x: x + x, "Add"),
    "x - y": (lambda x: x - L.Conv2D(4, 1)(x), "Subtract"),
    "x * y, spread": (lambda x: L.GlobalAveragePooling2D(keepdims=True)(x) * x, "Multiply"),
    "hard sigmoid": (lambda x: L.ReLU(6.0)(x + 3.0) * (1.0 / 6.0), "Rescaling"),
}


def net(between) -> keras.Model:
    image = keras.Input((6, 5, 3))
    x = L.GlobalAveragePooling2D()(L.ReLU()(between(L.Conv2D(4, 3)(image))))
    return keras.Model(image, L.Dense(3)(x))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_read_as_the_layer_that_does_the_same(name, suffix, shake, through):
    between, kind = OPERATIONS[name]
    canonical = through(shake(net(between)), suffix)
    assert kind in {layer.kind for layer in canonical.layers}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_numbers_are_taken_exactly(suffix, through):
    # Given x + 3, which a Rescaling computes as 1 x + 3, and x / 6
    image = keras.Input((2, 2, 1))
    flat = L.Flatten()(image)
    canonical = through(keras.Model(image, L.Dense(2)((flat + 3.0) / 6)), suffix)
    options = [layer.options for layer in canonical.layers if layer.kind == "Rescaling"]
    assert options == [{"scale": 1.0, "offset": 3.0}, {"scale": 1 / 6, "offset": 0.0}]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("layer", [lambda: LayerScale(0.1, 4), lambda: StochasticDepth(0.3)], ids=["scale", "depth"])
def test_a_layer_of_convnext_becomes_a_plain_one(layer, suffix, shake, through, tmp_path: Path):
    # Given two such layers beside a depthwise convolution, whose arrays lie in groups that are numbered by class
    def between(x):
        return layer()(L.DepthwiseConv2D(1)(layer()(x)))

    # Then the net answers alike, and what is built loads without the classes of ConvNeXt
    built = build(through(shake(net(between)), suffix))
    built.save(tmp_path / "built.keras")
    assert {"LayerScale", "StochasticDepth"}.isdisjoint(type(layer).__name__ for layer in built.layers)
    again = keras.models.load_model(tmp_path / "built.keras", safe_mode=True)
    images = np.random.default_rng(5).random((2, 6, 5, 3), dtype=np.float32)
    np.testing.assert_array_equal(again.predict_on_batch(images), built.predict_on_batch(images))


def test_a_branch_dropped_in_training_is_dropped_for_a_whole_image(tmp_path: Path):
    # Given a net of nothing but stochastic depth, in training
    image = keras.Input((2, 2, 2))
    keras.Model(image, L.Flatten()(StochasticDepth(0.4)(L.Conv2D(2, 1)(image)))).save(tmp_path / "model.keras")
    built = build(read_model(tmp_path / "model.keras"))
    images = np.ones((400, 2, 2, 2), np.float32)
    kept = np.array(keras.ops.convert_to_numpy(built(images, training=True))) / np.array(built(images, training=False))
    # Then every image keeps all of its values, divided by the share kept, or none
    assert np.ptp(kept, axis=1).max() < 1e-6
    np.testing.assert_allclose(np.unique(kept.round(4)), [0, round(1 / 0.6, 4)])
    assert 0.5 < (kept[:, 0] > 0).mean() < 0.7


def refusal(model: keras.Model, folder: Path, suffix: str) -> str:
    model.save(folder / f"model{suffix}")
    with pytest.raises(ModelRefused) as refused:
        read_model(folder / f"model{suffix}")
    assert str(refused.value).isprintable()
    return str(refused.value)


REFUSED = {
    "a number over a tensor": (lambda x: 1.0 / x, "divides by a tensor"),
    "a tensor over a tensor": (lambda x: x / L.Conv2D(4, 1)(x), "divides by a tensor"),
    "nothing to divide by": (lambda x: x / 0.0, "0.0; what is read here is a number other than 0"),
    "an array": (lambda x: x + np.array([1, 2, 3, 4], np.float32), "what is read here is a number"),
    "more than a float32": (lambda x: x * 1e39, "a finite number of float32"),
    "an operation that is not read": (lambda x: keras.ops.sin(x), "Sin"),
    "a power": (lambda x: x**2, "Power"),
    "axes that are lined up": (
        lambda x: x * L.Dense(4)(L.GlobalAveragePooling2D()(x)),
        "(None, 4, 3, 4) and (None, 4)",
    ),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", REFUSED)
def test_an_operation_without_a_layer_of_its_meaning_is_refused(name, suffix, tmp_path: Path):
    between, said = REFUSED[name]
    text = refusal(net(between), tmp_path, suffix)
    assert said in text


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_operations_on_whole_numbers_are_refused(suffix, tmp_path: Path):
    # Given x + 200 of bytes, which overflows in the original and would not in the net that is built
    image = keras.Input((4, 4, 1), dtype="uint8", name="bytes")
    net = keras.Model(image, L.Dense(2)(L.Flatten()(L.Rescaling(1.0)(image + 200))))
    assert "'bytes' is of whole numbers" in refusal(net, tmp_path, suffix)
