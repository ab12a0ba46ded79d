"""Keras files that are refused: classes, options, graphs and outputs outside what is read."""

from pathlib import Path
from typing import Any

import h5py
import keras
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import read_model
from tests.nc_core.intake.conftest import refusal

L = keras.layers


def option(name, value):
    return lambda entry: entry["config"].__setitem__(name, value)


def entry(name, value):
    return lambda layer: layer.__setitem__(name, value)


def tensor(name: str) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}


def operation(class_name, *arguments, registered=None, module="keras.src.ops.numpy", calls=1, **kwargs):
    """The layer `flat` replaced by an operation."""
    node = {"args": list(arguments), "kwargs": kwargs}
    made = {"class_name": class_name, "module": module, "registered_name": registered, "inbound_nodes": [node] * calls}
    return lambda layer: layer.update(made, config={"name": "flat"})


def renamed(name):
    return lambda layer: layer.update(name=name, config={**layer["config"], "name": name})


NORM = tensor("norm")


CONFIGS = {
    "operation of another module": ("flat", operation("Add", NORM, 3.0, module="keras.src.ops.nn"), ["operation"]),
    "operation of no Keras": ("flat", operation("Add", NORM, 3.0, module="evil.numpy"), ["evil.numpy"]),
    "operation under another name": (
        "flat",
        operation("Add", NORM, 3.0, registered="my>Add"),
        ["custom class", "my>Add"],
    ),
    "operation called twice": ("flat", operation("Add", NORM, 3.0, calls=2), ["'flat'", "not called exactly once"]),
    "operation never called": ("flat", operation("Add", NORM, 3.0, calls=0), ["'flat'", "not called exactly once"]),
    "operation on three": ("flat", operation("Add", NORM, NORM, 3.0), ["'flat'", "not one of two values alone"]),
    "operation on numbers": ("flat", operation("Add", 1.0, 3.0), ["'flat'", "takes no tensor"]),
    "operation on truth": ("flat", operation("Multiply", NORM, True), ["'flat'", "True", "a number"]),
    "operation on text": ("flat", operation("Multiply", NORM, "os.system"), ["'flat'", "os.system", "a number"]),
    "operation on too much": ("flat", operation("Subtract", NORM, 10**400), ["'flat'", "a finite number"]),
    "operation by next to nothing": ("flat", operation("Divide", NORM, 1e-40), ["'flat'", "scale", "a finite number"]),
    "operation by an object": ("flat", operation("Divide", NORM, {"value": []}), ["'flat'", "a number"]),
    "operation with arguments": ("flat", operation("Add", NORM, 3.0, out="x"), ["'flat'", "'out'"]),
    "operation on a layer that is not there": ("flat", operation("Add", tensor("absent"), 3.0), ["'absent'"]),
    "operation without a module": ("flat", operation("Add", NORM, {"a": 1}, module=None), ["'flat'", "a number"]),
    "layer scale of text": (
        "flat",
        lambda layer: layer.update(class_name="LayerScale", config={"name": "flat", "projection_dim": "4"}),
        ["'flat' (LayerScale)", "projection_dim"],
    ),
    "layer scale without an array": (
        "flat",
        lambda layer: layer.update(class_name="LayerScale", config={"name": "flat", "projection_dim": 4}),
        ["3 layers", "has 4 with weights"],
    ),
    "stochastic depth of everything": (
        "flat",
        lambda layer: layer.update(class_name="StochasticDepth", config={"name": "flat", "drop_path_rate": 1.0}),
        ["'flat' (StochasticDepth)", "drop_path_rate = 1.0"],
    ),
    "Lambda": ("flat", entry("class_name", "Lambda"), ["'flat'", "'Lambda'", "rebuild the net"]),
    "custom class": ("flat", entry("class_name", "Custom>Mine"), ["'flat'", "Custom>Mine"]),
    "unlisted class": ("flat", entry("class_name", "TextVectorization"), ["'flat'", "TextVectorization"]),
    "foreign module": ("flat", entry("module", "evil.layers"), ["'flat'", "evil.layers"]),
    "operation": ("flat", entry("module", "keras.src.ops.numpy"), ["'flat'", "operation"]),
    "registered": ("flat", entry("registered_name", "pkg>Flatten"), ["'flat'", "pkg>Flatten"]),
    "channels_first": (
        "conv",
        option("data_format", "channels_first"),
        ["'conv'", "channels_last", "save it again"],
    ),
    "huge option": ("answer", option("units", 2_000_000_000), ["'answer'", "units", "2000000000"]),
    "negative option": ("conv", option("filters", -4), ["'conv'", "filters"]),
    "boolean option": ("conv", option("filters", True), ["'conv'", "filters"]),
    "unknown activation": ("conv", option("activation", "os.system"), ["'conv'", "activation", "os.system"]),
    "custom activation": (
        "conv",
        option("activation", {"class_name": "Custom", "config": {}}),
        ["'conv'", "activation"],
    ),
    "unknown option": ("conv", option("rank_hook", "x"), ["'conv'", "rank_hook"]),
    "renorm": ("norm", option("renorm", True), ["'norm'", "renorm"]),
    "infinite option": ("norm", option("epsilon", 10**400), ["'norm'", "epsilon"]),
    "missing option": ("conv", lambda layer: layer["config"].pop("filters"), ["'conv'", "filters"]),
    "shape of weights": ("conv", option("filters", 5), ["'conv'", "(3, 3, 3, 4)", "(3, 3, 3, 5)"]),
    "count of weights": ("conv", option("use_bias", False), ["'conv'", "2 weight arrays", "expected 1"]),
    "window too large": ("conv", option("kernel_size", [9, 9]), ["'conv'", "shape (0, 0, 4)"]),
    "flat input": (
        "picture",
        option("batch_shape", [None, 192]),
        ["a row of 192 values", "--input-shape 8x8x3"],
    ),
    "input of a row": (
        "picture",
        option("batch_shape", [None, 8]),
        ["a row of 8 values", "--input-shape HEIGHTxWIDTHxCHANNELS"],
    ),
    "input of a grey row": ("picture", option("batch_shape", [None, 784]), ["--input-shape 28x28"]),
    "input of any row": ("picture", option("batch_shape", [None, None]), ["any number of values"]),
    "input of five axes": ("picture", option("batch_shape", [None, 2, 8, 8, 3]), ["(None, 2, 8, 8, 3)"]),
    "open size": ("picture", option("batch_shape", [None, None, None, 3]), ["must be fixed"]),
    "no size": ("picture", option("batch_shape", None), ["does not say the size"]),
    "name": ("flat", renamed("a\nb"), ["rename"]),
    "long name": ("flat", renamed("a" * 300), ["(300 characters)", "1 to 256 characters"]),
    "dangling": ("flat", entry("inbound_nodes", [[["absent", 0, 0, {}]]]), ["'absent'", "does not have"]),
    "own output": ("conv", entry("inbound_nodes", [[["norm", 0, 0, {}]]]), ["depends on its own output"]),
    "second tensor": ("flat", entry("inbound_nodes", [[["norm", 0, 1, {}]]]), ["output 1"]),
    "constant input": ("flat", entry("inbound_nodes", [{"args": [3.0], "kwargs": {}}]), ["'flat'", "3.0"]),
    "training call": (
        "norm",
        entry("inbound_nodes", [[["conv", 0, 0, {"training": True}]]]),
        ["'norm'", "training"],
    ),
    "two inputs to one": (
        "flat",
        entry("inbound_nodes", [[["norm", 0, 0, {}], ["conv", 0, 0, {}]]]),
        ["'flat'", "has 2"],
    ),
    "subclassed model": ("", entry("class_name", "MyModel"), ["MyModel", "Sequential and Functional"]),
    "no layers": ("", lambda config: config["config"].pop("layers"), ["not a list"]),
    "tanh": ("answer", option("activation", "tanh"), ["tanh", "no classifier"]),
    "relu": ("answer", option("activation", "relu"), ["relu", "no classifier"]),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_configuration_outside_the_table_is_refused(case, edited):
    layer, change, said = CONFIGS[case]
    text = refusal(edited(layer, change))
    assert [part for part in said if part not in text] == [], text


def test_the_file_without_a_change_is_read(h5: Path, archive: Path):
    assert read_model(h5).classes == read_model(archive).classes == 3


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([L.Flatten(), L.Dense(1, activation="relu")], "1 outputs end in relu"),
        ([L.Flatten(), L.Dense(1, activation="softmax")], "single softmax output"),
        ([L.Conv2D(3, 3)], r"\(None, 6, 6, 3\)"),
        ([L.Conv2D(4, 3, activation="relu"), L.GlobalAveragePooling2D()], "end in relu"),
        ([L.Conv2D(4, 8, activation="softmax"), L.Reshape((2, 2)), L.Flatten(), L.ReLU()], "end in relu"),
        ([L.Conv2D(2, 4, strides=4), L.Softmax(), L.Flatten()], "not over all its classes"),
    ],
)  # fmt: skip
def test_a_net_that_is_no_classifier_is_refused(layers, said, tmp_path: Path):
    clones = [layer.__class__.from_config(layer.get_config()) for layer in layers]
    keras.Sequential([keras.Input((8, 8, 3)), *clones]).save(tmp_path / "model.keras")
    with pytest.raises(ModelRefused, match=said):
        read_model(tmp_path / "model.keras")


def test_an_average_of_probabilities_is_refused(tmp_path: Path):
    # Given an ensemble: its output is neither logits nor a softmax that could be taken off
    image = keras.Input((8, 8, 3))
    flat = L.Flatten()(image)
    both = [L.Dense(3, activation="softmax")(flat), L.Dense(3, activation="softmax")(flat)]
    keras.Model(image, L.Average()(both)).save(tmp_path / "model.keras")
    with pytest.raises(ModelRefused, match="3 outputs are computed from those of a softmax"):
        read_model(tmp_path / "model.keras")


def test_several_inputs_or_outputs_are_refused(tmp_path: Path):
    one, two = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    answer = L.Dense(3, activation="softmax")(L.Flatten()(L.Add()([one, two])))
    keras.Model([one, two], answer).save(tmp_path / "inputs.keras")
    with pytest.raises(ModelRefused, match="2 inputs"):
        read_model(tmp_path / "inputs.keras")
    flat = L.Flatten()(one)
    keras.Model(one, [L.Dense(3)(flat), L.Dense(2)(flat)]).save(tmp_path / "outputs.keras")
    with pytest.raises(ModelRefused, match="2 outputs"):
        read_model(tmp_path / "outputs.keras")


def test_hard_sigmoid_of_keras_2_is_refused_and_that_of_keras_3_read(edited):
    path = edited("conv", option("activation", "hard_sigmoid"))
    assert read_model(path).layers[0].options["activation"] == "hard_sigmoid"
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = "2.4.0"
    assert "hard_sigmoid of Keras 2" in refusal(path)
