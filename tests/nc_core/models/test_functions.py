"""Operations on one tensor: read as the layers of their meaning, from Keras 3 and in the words of TensorFlow."""

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import read_model
from nc_core.intake.functions import FUNCTIONS, KERAS_2_FUNCTIONS
from nc_core.models import build, save_keras

L, ops = keras.layers, keras.ops

USES = {
    "Relu": ops.relu,
    "Relu6": lambda x: ops.relu6(4 * x),
    "Selu": ops.selu,
    "Silu": ops.silu,
    "Sigmoid": ops.sigmoid,
    "HardSigmoid": ops.hard_sigmoid,
    "HardSilu": ops.hard_silu,
    "Softplus": ops.softplus,
    "Elu": lambda x: ops.elu(x, alpha=0.7),
    "LeakyRelu": lambda x: ops.leaky_relu(x, negative_slope=0.4),
    "Gelu": lambda x: ops.gelu(x, approximate=False),
    "Softmax": ops.softmax,
    "Softmax of rows": lambda x: ops.softmax(x, axis=1),
    "Tanh": ops.tanh,
    "Exp": ops.exp,
    "Negative": lambda x: -x,
    "Mean": lambda x: ops.mean(x, axis=[1, 2]),
    "Mean, kept": lambda x: ops.mean(x, axis=(-2, 1), keepdims=True),
    "Max": lambda x: ops.max(x, axis=(1, 2)),
    "Reshape": lambda x: ops.reshape(x, (-1, 12, 4)),
    "Transpose": lambda x: ops.transpose(x, (0, 2, 3, 1)),
    "Concatenate": lambda x: ops.concatenate([x, 2 * x], axis=2),
    "Cast": lambda x: ops.cast(x, "float32"),
    "ReLU": lambda x: keras.activations.relu(x, negative_slope=0.1, max_value=0.6, threshold=0.1),
}


def test_every_function_that_is_read_is_tried():
    assert {name.split(",")[0].split()[0] for name in USES} == set(FUNCTIONS)


def net(between) -> keras.Model:
    image = keras.Input((6, 5, 3))
    x = L.Flatten()(between(L.Conv2D(4, 3, name="conv")(image)))
    return keras.Model(image, ops.softmax(L.Dense(3)(x)))


@pytest.mark.parametrize("name", USES)
def test_a_function_is_read_as_the_layer_that_does_the_same(name, shake, through):
    canonical = through(shake(net(USES[name])), ".keras")
    assert canonical.head == "softmax"


def test_functions_are_read_alike_where_no_module_is_named(shake, through):
    # Given an .h5 file, in which an operation may have the name of a layer
    def between(x):
        for name in ("Relu", "LeakyRelu", "Softmax", "Transpose", "Concatenate", "Reshape", "ReLU"):
            x = USES[name](x) if name != "Reshape" else ops.reshape(x, (-1, 3, 8, 4))
        return USES["Mean"](x)

    through(shake(net(between)), ".h5")


def test_what_was_read_loads_with_plain_keras_and_answers_alike(shake, tmp_path: Path):
    # Given a net within a net, with operations in both
    inner = net(lambda x: ops.mean(ops.transpose(ops.silu(x), (0, 2, 1, 3)), (1, 2)))
    image = keras.Input((6, 5, 3))
    model = shake(keras.Model(image, ops.softmax(L.Dense(2)(inner(ops.tanh(image))))))
    model.save(tmp_path / "model.keras")
    # When it is read and saved again
    save_keras(read_model(tmp_path / "model.keras"), tmp_path / "again.keras")
    # Then Keras has the same net of both files
    images = np.random.default_rng(1).random((3, 6, 5, 3), dtype=np.float32)
    first, second = (
        keras.models.load_model(tmp_path / name, compile=False).predict_on_batch(images)
        for name in ("model.keras", "again.keras")
    )
    np.testing.assert_allclose(second, first, atol=1e-5)


CALLS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "nn.relu": ("nn.relu", {"name": None}, ops.relu),
    "nn.relu6": ("nn.relu6", {}, ops.relu6),
    "nn.selu": ("nn.selu", {"name": None}, ops.selu),
    "nn.silu": ("nn.silu", {}, ops.silu),
    "nn.swish": ("nn.swish", {}, ops.silu),
    "nn.elu": ("nn.elu", {"name": None}, ops.elu),
    "nn.leaky_relu": ("nn.leaky_relu", {}, lambda x: ops.leaky_relu(x, 0.2)),
    "nn.leaky_relu, told": ("nn.leaky_relu", {"alpha": 0.3}, lambda x: ops.leaky_relu(x, 0.3)),
    "nn.gelu": ("nn.gelu", {}, lambda x: ops.gelu(x, approximate=False)),
    "nn.softmax": ("nn.softmax", {}, ops.softmax),
    "nn.softmax, told": ("nn.softmax", {"axis": 2}, lambda x: ops.softmax(x, axis=2)),
    "math.sigmoid": ("math.sigmoid", {}, ops.sigmoid),
    "math.tanh": ("math.tanh", {"name": None}, ops.tanh),
    "math.softplus": ("math.softplus", {}, ops.softplus),
    "math.exp": ("math.exp", {}, ops.exp),
    "math.negative": ("math.negative", {"name": None}, ops.negative),
    "math.reduce_mean": ("math.reduce_mean", {"axis": [1, 2]}, lambda x: ops.mean(x, (1, 2))),
    "math.reduce_max": ("math.reduce_max", {"axis": [1, 2], "keepdims": True}, lambda x: ops.max(x, (1, 2))),
    "reshape": ("reshape", {"shape": [-1, 48]}, lambda x: ops.reshape(x, (-1, 48))),
    "transpose": ("transpose", {"perm": [0, 2, 1, 3]}, lambda x: ops.transpose(x, (0, 2, 1, 3))),
    "compat.v1.transpose": (
        "compat.v1.transpose",
        {"perm": [0, 3, 1, 2], "name": "transpose", "conjugate": False},
        lambda x: ops.transpose(x, (0, 3, 1, 2)),
    ),
    "cast": ("cast", {"dtype": "float32"}, lambda x: x),
    "identity": ("identity", {}, lambda x: x),
}
"""TensorFlow's function with the arguments that Keras 2.13 and 2.15 wrote for it, and Keras 3's of the same meaning."""


def test_every_function_of_tensorflow_that_is_read_is_tried():
    assert {function for function, _, _ in CALLS.values()} | {"concat"} == set(KERAS_2_FUNCTIONS)


def in_keras_2(
    folder: Path, function: Any, nodes: list[Any], place: keras.layers.Layer | None = None, **more: Any
) -> tuple[Path, keras.Model]:
    """A file in which a call of TensorFlow's function stands in the place of a layer; and the net with that layer."""
    model = net(place or L.Activation("linear", name="place"))
    generator = np.random.default_rng(4)
    for variable in model.weights:
        variable.assign(generator.normal(0, 0.4, variable.shape))
    model.save(folder / "model.h5")
    with h5py.File(folder / "model.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for entry in config["config"]["layers"]:
            if entry["name"] == "place":
                own = {"name": "place", "trainable": True, "dtype": "float32", "function": function}
                entry.clear()
                entry.update(class_name="TFOpLambda", name="place", config=own, inbound_nodes=nodes, **more)
        file.attrs["model_config"] = json.dumps(config)
    return folder / "model.h5", model


OF_KERAS_2 = [
    {"module": module, "registered_name": "TFOpLambda"}
    for module in ("keras.layers.core.tf_op_layer", "keras.src.layers.core.tf_op_layer")
]


@pytest.mark.parametrize(
    ("name", "more"), [*((name, {}) for name in CALLS), *(("reshape", more) for more in OF_KERAS_2)]
)
def test_a_call_of_tensorflow_is_read_as_what_it_does(name, more, tmp_path: Path):
    function, arguments, meant = CALLS[name]
    place = L.GlobalMaxPooling2D(name="place") if "reduce" in function else None
    path, model = in_keras_2(tmp_path, function, [["conv", 0, 0, arguments]], place, **more)
    images = np.random.default_rng(1).random((3, 6, 5, 3), dtype=np.float32)
    conv, dense = model.get_layer("conv"), model.layers[-1]
    expected = ops.softmax(dense(ops.reshape(meant(conv(images)), (3, -1))))
    np.testing.assert_allclose(build(read_model(path)).predict_on_batch(images), expected, atol=1e-5)


def test_tensors_put_side_by_side_by_tensorflow_are_read(tmp_path: Path):
    # Given concat([conv, conv], axis=1), before as many values as are there without it
    nodes = [[["conv", 0, 0, {"axis": 1}], ["conv", 0, 0, {"axis": 1}]]]
    place = L.UpSampling2D((2, 1), name="place")
    path, model = in_keras_2(tmp_path, "concat", nodes, place)
    images = np.random.default_rng(1).random((3, 6, 5, 3), dtype=np.float32)
    x = model.get_layer("conv")(images)
    expected = ops.softmax(model.layers[-1](ops.reshape(ops.concatenate([x, x], axis=1), (3, -1))))
    np.testing.assert_allclose(build(read_model(path)).predict_on_batch(images), expected, atol=1e-5)


X = ["conv", 0, 0]
WRONG: dict[str, tuple[str, Any, str]] = {
    "another function": ("nn.log_softmax", [*X, {}], "TFOpLambda"),
    "gelu by its approximation": ("nn.gelu", [*X, {"approximate": True}], "approximate = True"),
    "a mean over the batch": ("math.reduce_mean", [*X, {"axis": [0, 1, 2]}], "height and width"),
    "a mean over channels": ("math.reduce_mean", [*X, {"axis": [-1]}], "height and width"),
    "a mean over everything": ("math.reduce_mean", [*X, {"axis": None}], "lacks its 'axis'"),
    "a softmax over the batch": ("nn.softmax", [*X, {"axis": 0}], "does not exist"),
    "a reshaped batch": ("reshape", [*X, {"shape": [4, -1]}], "-1 for the batch"),
    "a batch of other images": ("reshape", [*X, {"shape": [-1, 24]}], "do not fill"),
    "a batch taken apart": ("reshape", [*X, {"shape": [-1]}], "-1 for the batch"),
    "a turned batch": ("transpose", [*X, {"perm": [1, 0, 2, 3]}], "begins with 0"),
    "every axis turned": ("transpose", [*X, {}], "lacks its 'axes'"),
    "whole numbers": ("cast", [*X, {"dtype": "int32"}], "float32"),
    "half precision": ("cast", [*X, {"dtype": "float16"}], "float32"),
    "an argument that is off": ("nn.silu", [*X, {"beta": False}], "'beta' besides"),
    "Keras 3's name of an argument": ("nn.leaky_relu", [*X, {"negative_slope": 0.1}], "'negative_slope' besides"),
    "two tensors": ("nn.relu", [[*X, {}], [*X, {}]], "takes one input and has 2"),
    "tensors with different arguments": ("concat", [[*X, {"axis": 1}], [*X, {"axis": 2}]], "not one of tensors alone"),
    "no tensor": ("nn.relu", ["_CONSTANT_VALUE", -1, 2.0, {}], "'_CONSTANT_VALUE'"),
    "nothing": ("nn.relu", [], "not one of tensors alone"),
    "numbers": ("nn.relu", [1, 2], "not one of tensors alone"),
    "a number and a tensor": ("nn.relu", [3, [*X, {}]], "not one of tensors alone"),
    "arguments that are none": ("nn.relu", [[*X, 3]], "not one of tensors alone"),
    "Keras 3's call": ("nn.relu", {"args": [X], "kwargs": {}}, "not one of tensors alone"),
    "text": ("reshape", [*X, {"shape": "-1"}], "-1 for the batch"),
}


def test_a_function_of_another_module_is_refused(tmp_path: Path):
    path, _ = in_keras_2(tmp_path, "nn.relu", [[*X, {}]], module="mine.tf_op_layer")
    with pytest.raises(ModelRefused, match=r"mine\.tf_op_layer"):
        read_model(path)


@pytest.mark.parametrize("name", WRONG)
def test_a_call_of_tensorflow_with_another_meaning_is_refused(name, tmp_path: Path):
    function, node, said = WRONG[name]
    path, _ = in_keras_2(tmp_path, function, [node])
    with pytest.raises(ModelRefused, match=said) as refused:
        read_model(path)
    assert str(refused.value).isprintable()


REFUSED = {
    "gelu by its approximation": (ops.gelu, "approximate = True"),
    "a mean over channels": (lambda x: ops.mean(x, axis=-1, keepdims=True), "height and width"),
    "a largest value and 0": (lambda x: ops.max(x, axis=(1, 2), initial=0.0), "initial = 0.0"),
    "a batch of other images": (lambda x: ops.reshape(x, (-1, 24)), "do not fill"),
    "a softmax over everything": (lambda x: ops.softmax(x, axis=None), "axis = None"),
    "a function that is not read": (ops.log_softmax, "LogSoftmax"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_function_of_another_meaning_is_refused(name, tmp_path: Path):
    between, said = REFUSED[name]
    net(between).save(tmp_path / "model.keras")
    with pytest.raises(ModelRefused) as refused:
        read_model(tmp_path / "model.keras")
    assert said in str(refused.value)
