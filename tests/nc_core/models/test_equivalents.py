"""Operations of Keras and ConvNeXt's own layers: read as layers of the same meaning, which plain Keras loads."""

import json
from pathlib import Path
from typing import Any

import h5py
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


FUNCTIONS = {
    "Add": "__operators__.add",
    "Subtract": "math.subtract",
    "Multiply": "math.multiply",
    "TrueDivide": "math.truediv",
    "Divide": "math.divide",
}


def as_keras_2(entry: dict[str, Any]) -> None:
    """A layer's entry as Keras 2.15 writes it: calls as lists, an operation as TFOpLambda."""
    calls = []
    for node in entry["inbound_nodes"]:
        (first, *others) = [
            value["config"]["keras_history"] if isinstance(value, dict) else value for value in flat(node["args"])
        ]
        call = first if isinstance(first, list) else ["_CONSTANT_VALUE", -1, first]
        calls.append([*call, {"y": others[0], "name": None}] if others else [[*call, {}]])
        if others:
            function = FUNCTIONS[entry["class_name"]]
            entry["class_name"] = "TFOpLambda"
            entry["config"] = {"name": entry["name"], "trainable": True, "dtype": "float32", "function": function}
    entry["inbound_nodes"] = calls
    if entry["class_name"] in ("DepthwiseConv2D", "SeparableConv2D"):
        entry["config"]["groups"] = 1


def flat(values: list[Any]) -> list[Any]:
    return [item for value in values for item in (value if isinstance(value, list) else [value])]


def in_keras_2(model: keras.Model, path: Path) -> Path:
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for entry in config["config"]["layers"]:
            as_keras_2(entry)
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.15.0"
    return path


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_in_the_form_of_keras_2_is_read_alike(name, shake, tmp_path: Path):
    # Given a Keras 2 file, in which TensorFlow's function is called, beside convolutions that name their one group
    def between(x):
        return OPERATIONS[name][0](L.SeparableConv2D(4, 2)(L.DepthwiseConv2D(2)(x)))

    model = shake(net(between))
    built = build(read_model(in_keras_2(model, tmp_path / "keras2.h5")))
    # Then it answers as the original does
    images = np.random.default_rng(1).random((3, 6, 5, 3), dtype=np.float32)
    np.testing.assert_allclose(built.predict_on_batch(images), model.predict_on_batch(images), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("function", "node", "said"),
    [
        ("math.sin", ["conv", 0, 0, {"y": 3.0}], "TFOpLambda"),
        (["math.multiply"], ["conv", 0, 0, {"y": 3.0}], "TFOpLambda"),
        ("io.read_file", ["_CONSTANT_VALUE", -1, "/etc/passwd", {"name": None}], "TFOpLambda"),
        ("math.multiply", ["conv", 0, 0, {}], "not one of two values alone"),
        ("math.multiply", ["conv", 0, 0, {"y": 3.0, "x": 4.0}], "not one of two values alone"),
        ("math.multiply", ["conv", 0, 0, {"y": [[1.0, 2.0]]}], "what is read here is a number"),
        ("math.multiply", ["conv", 0, 0, {"y": ["absent", 0, 0]}], "'absent'"),
        ("math.multiply", ["_CONSTANT_VALUE", -1, 2.0, {"y": 3.0}], "takes no tensor"),
        ("math.truediv", ["_CONSTANT_VALUE", -1, 2.0, {"y": ["conv", 0, 0]}], "divides by a tensor"),
    ],
)
def test_another_function_or_call_of_keras_2_is_refused(function, node, said, tmp_path: Path):
    image = keras.Input((6, 5, 3))
    x = L.ReLU(name="relu")(L.Conv2D(4, 3, name="conv")(image))
    path = in_keras_2(keras.Model(image, L.Dense(3)(L.Flatten()(x))), tmp_path / "keras2.h5")
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        entry = next(entry for entry in config["config"]["layers"] if entry["name"] == "relu")
        entry.update(class_name="TFOpLambda", config={"name": "relu", "function": function}, inbound_nodes=[node])
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ModelRefused, match=said) as refused:
        read_model(path)
    assert str(refused.value).isprintable()


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
def test_a_net_of_whole_numbers_is_refused(suffix, tmp_path: Path):
    # Given x + 200 of bytes, which overflows in the original and would not in the net that is built
    image = keras.Input((4, 4, 1), dtype="uint8", name="bytes")
    net = keras.Model(image, L.Dense(2)(L.Flatten()(L.Rescaling(1.0)(image + 200))))
    assert "'bytes' computes in 'uint8'" in refusal(net, tmp_path, suffix)
