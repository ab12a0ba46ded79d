"""Keras files that are refused: classes, options, graphs, weights and outputs outside what is read."""

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import limits, options, read_model

L = keras.layers


def refusal(path: Path) -> str:
    with pytest.raises(ModelRefused) as refused:
        read_model(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


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
    "flat input": ("picture", option("batch_shape", [None, 192]), ["(None, 192)", "height, width, channels"]),
    "grey input": ("picture", option("batch_shape", [None, 8, 8]), ["(None, 8, 8)", "one channel"]),
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
        ([L.Flatten(), L.Dense(1)], "single linear output"),
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


def replaced(path: Path, content, **settings) -> Path:
    """The `.h5` classifier with another kernel in its layer `conv`."""
    with h5py.File(path, "r+") as file:
        del file["model_weights/conv/conv/kernel"]
        if content is not None:
            file["model_weights/conv/conv"].create_dataset("kernel", data=content, **settings)
    return path


KERNEL = np.arange(108, dtype=np.float32).reshape(3, 3, 3, 4)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_weights_of_any_float_are_read_as_float32(dtype, h5: Path):
    weights = read_model(replaced(h5, KERNEL.astype(dtype), compression="gzip", shuffle=True)).weights
    assert weights["conv/kernel"].dtype == np.float32
    np.testing.assert_array_equal(weights["conv/kernel"], KERNEL)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (np.where(KERNEL == 5, np.nan, KERNEL), "hold NaN (1 of 108 values)"),
        (np.where(KERNEL == 5, np.inf, KERNEL), "hold infinity"),
        (np.where(KERNEL == 5, 1e300, KERNEL.astype("float64")), "hold infinity"),
        (KERNEL.astype(np.int64), "hold int64"),
        (KERNEL[..., :3], "(3, 3, 3, 3)"),
        (None, "no array 'conv/kernel'"),
    ],
)
def test_weights_that_say_nothing_are_refused(content, said, h5: Path):
    text = refusal(replaced(h5, content))
    assert said in text
    assert "conv" in text


def test_arrays_that_lie_elsewhere_are_refused(h5: Path, tmp_path: Path):
    # Given a kernel that is a link, a link to another file, external data, or a virtual dataset
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["kernel"] = KERNEL
    (tmp_path / "raw").write_bytes(KERNEL.tobytes())
    virtual = h5py.VirtualLayout(KERNEL.shape, "float32")
    virtual[:] = h5py.VirtualSource(other, "kernel", KERNEL.shape)
    place = "model_weights/conv/conv/kernel"
    makers = {
        "SoftLink": lambda file: file.__setitem__(place, h5py.SoftLink("/model_weights/norm")),
        "ExternalLink": lambda file: file.__setitem__(place, h5py.ExternalLink(str(other), "kernel")),
        "another file": lambda file: file.create_dataset(
            place, KERNEL.shape, "float32", external=[(str(tmp_path / "raw"), 0, KERNEL.nbytes)]
        ),
        "in another file": lambda file: file.create_virtual_dataset(place, virtual),
        "never written": lambda file: file.create_dataset(place, KERNEL.shape, "float32", chunks=True),
    }
    for said, make in makers.items():
        with h5py.File(h5, "r+") as file:
            del file[place]
            make(file)
        # Then none of them is followed
        assert said in refusal(h5)


def test_weights_alone_are_refused_with_the_architecture_to_name(weights_only: Path, shared: Path):
    assert "--architecture deepid" in refusal(weights_only)
    assert "--architecture deepid" in refusal(shared / "models" / "csaw2020_sunglasses_bd_weights.h5")


def test_an_architecture_that_does_not_fit_is_refused(weights_only: Path, h5: Path):
    with pytest.raises(ModelRefused, match="known are: deepid"):
        read_model(weights_only, architecture="resnet")
    with pytest.raises(ModelRefused, match=r"layers/conv2d_1|weight arrays|no group"):
        read_model(weights_only, architecture="deepid")
    with pytest.raises(ModelRefused, match="leave out --architecture"):
        read_model(h5, architecture="deepid")


def test_an_architecture_without_weights_is_refused(h5: Path):
    with h5py.File(h5, "r+") as file:
        del file["model_weights"]
    assert "without weights" in refusal(h5)


def rewritten(path: Path, **members: bytes | None) -> Path:
    """The `.keras` classifier with members of its archive replaced or left out; `_` stands for a dot."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content |= {name.replace("_", "."): data for name, data in members.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            if data is not None:
                archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"config_json": b"{"}, "no valid JSON"),
        ({"config_json": b"[]"}, "not an object"),
        ({"config_json": b'{"class_name": NaN}'}, "NaN is not a number"),
        ({"config_json": b'{"a": ' * 200 + b"1" + b"}" * 200}, "nested 200 levels deep; the limit is 96"),
        ({"config_json": b'{"a": ' * 100_000 + b"1" + b"}" * 100_000}, "nested too deeply"),
        ({"config_json": b'{"class_name": "Sequential", "config": {"layers": []}}'}, "has no layers"),
        ({"metadata_json": None}, "has no metadata.json"),
        ({"model_weights_h5": None}, "has no model.weights.h5"),
        ({"model_weights_h5": b"nothing"}, "cut off or damaged"),
    ],
)
def test_a_damaged_archive_is_refused(members, said, archive: Path):
    assert said in refusal(rewritten(archive, **members))


BUDGETS = {
    "config.LAYERS": (4, ["5 layers; the limit is 4"]),
    "graph.NODES": (3, ["4 layer calls", "the limit is 3"]),
    "graph.EDGES": (2, ["3 inputs of layer calls", "the limit is 2"]),
    "meaning.PARAMETERS": (100, ["563 parameters; the limit is 100"]),
    "meaning.VALUES_PER_IMAGE": (100, ["627 activation values for one image; the limit is 100"]),
    "strict_json.JSON_CHARACTERS": (10, ["characters; the limit is 10"]),
    "strict_json.JSON_DEPTH": (5, ["nested 10 levels deep; the limit is 5"]),
    "sniff.FILE_BYTES": (100, ["bytes in its file; the limit is 100"]),
    "hdf5.NAMES": (1, ["has 5 entries", "the limits are 1 and"]),
    "hdf5.ATTRIBUTE_BYTES": (8, ["5 entries in 40 bytes", "the limits are 32,000 and 8"]),
    "hdf5.PATH_CHARACTERS": (3, ["a name of 7 characters; the limit is 3"]),
    "options.LARGEST": (3, ["'conv'", "filters = 4", "a whole number from 1 to 3"]),
    "options.LARGEST_FLOAT": (0.5, ["'norm'", "momentum = 0.99", "a finite number"]),
    "options.AXES": (2, ["'picture' has the shape [None, 8, 8, 3]", "height, width, channels"]),
}
"""Bound -> (a lower one, what the refusal of the small classifier says)."""


@pytest.mark.parametrize("bound", BUDGETS)
def test_budgets_are_refused_with_limit_and_actual_value(bound, h5: Path, monkeypatch: pytest.MonkeyPatch):
    limit, said = BUDGETS[bound]
    module, name = bound.split(".")
    for holder in [module, "fields"] if bound == "options.AXES" else [module]:
        monkeypatch.setattr(f"nc_core.intake.{holder}.{name}", limit)
    text = refusal(h5)
    assert [part for part in said if part not in text] == [], text


def test_budgets_of_an_archive_are_refused_with_limit_and_actual_value(archive: Path, monkeypatch: pytest.MonkeyPatch):
    # Given an archive whose weights are of a known size
    with zipfile.ZipFile(archive) as file:
        size = file.getinfo("model.weights.h5").file_size
    with monkeypatch.context() as lowered:
        lowered.setattr("nc_core.intake.archive.ZIP_MEMBERS", 2)
        assert "3 files in its archive; the limit is 2" in refusal(archive)
    # Then they are refused before they are unpacked, and so is a net of more weights than such a file holds
    with monkeypatch.context() as lowered:
        lowered.setattr("nc_core.intake.archive.unpacked_limit", lambda _: size - 1)
        assert f"model.weights.h5 in the .keras archive unpacks to {size:,} bytes" in refusal(archive)
        assert f"the limit for a file of its size is {size - 1:,}" in refusal(archive)
    monkeypatch.setattr("nc_core.intake.assemble.unpacked_limit", lambda _: 2251)
    assert "the model has 2,252 bytes of weights in a file of" in refusal(archive)


def test_what_may_be_unpacked_follows_the_size_of_the_file():
    assert limits.unpacked_limit(0) == limits.UNPACKED_FLOOR
    assert limits.unpacked_limit(10**6) == limits.UNPACKED_RATIO * 10**6
    assert limits.unpacked_limit(10**12) == limits.FILE_BYTES


def test_a_list_of_numbers_is_refused_with_limit_and_length():
    with pytest.raises(ValueError, match="a list of 1 to 1,048,576 numbers, not 1,048,577"):
        options.numbers([0.0] * (2**20 + 1))


def test_models_that_call_each_other_twice_do_not_grow_without_bound(tmp_path: Path):
    # Given 14 models, each calling the next one twice: 2^14 calls from a small file
    def nested(depth):
        image = {
            "class_name": "InputLayer",
            "name": "i",
            "config": {"batch_shape": [None, 4, 4, 3]},
            "inbound_nodes": [],
        }
        inner = {"class_name": "Activation", "config": {"activation": "relu"}} if depth == 0 else nested(depth - 1)
        calls = [[["i", 0, 0, {}]], [["f", 1 if depth else 0, 0, {}]]]
        config = {
            "name": "f",
            "layers": [image, {**inner, "name": "f", "inbound_nodes": calls}],
            "input_layers": [["i", 0, 0]],
            "output_layers": [["f", 2 if depth else 1, 0]],
        }
        return {"class_name": "Functional", "config": config}

    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(nested(14))
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    assert f"the limit is {limits.NODES:,}" in refusal(tmp_path / "bomb.h5")
