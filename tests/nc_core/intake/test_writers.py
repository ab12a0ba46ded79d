"""Files as older versions of Keras wrote them, entry by entry: read, each array in the layer that it was saved from."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest

from nc_core.intake.canonical import CanonicalModel
from nc_core.intake.read import read_open_model

Entry = dict[str, Any]
Arrays = dict[str, dict[str, np.ndarray]]

GLOROT_2_2 = {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform"}}
GLOROT = {"class_name": "GlorotUniform", "config": {"seed": None}}
GLOROT_3 = {"module": "keras.initializers", **GLOROT, "registered_name": None}
POLICY = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}

LAYERS = (
    ("InputLayer", "input_1", {}),
    ("Conv2D", "conv2d_1", {"filters": 2, "kernel_size": [3, 3], "strides": [1, 1], "padding": "same"}),
    (
        "BatchNormalization",
        "batch_normalization_1",
        {"momentum": 0.99, "epsilon": 0.001, "center": True, "scale": True},
    ),
    ("LeakyReLU", "leaky_re_lu_1", {}),
    ("Conv2D", "conv2d_2", {"filters": 2, "kernel_size": [3, 3], "strides": [1, 1], "padding": "same"}),
    ("Flatten", "flatten_1", {"data_format": "channels_last"}),
    ("Dense", "dense_1", {"units": 3, "activation": "softmax", "use_bias": True}),
)
"""A chain of images (6, 6, 2) to three classes."""


def arrays() -> Arrays:
    """Different numbers for every array."""
    random = np.random.default_rng(2)
    shapes = {
        "conv2d_1": {"kernel": (3, 3, 2, 2), "bias": (2,)},
        "batch_normalization_1": dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (2,)),
        "conv2d_2": {"kernel": (3, 3, 2, 2), "bias": (2,)},
        "dense_1": {"kernel": (72, 3), "bias": (3,)},
    }
    return {
        layer: {name: random.random(shape, dtype=np.float32) for name, shape in own.items()}
        for layer, own in shapes.items()
    }


def keras_2(kind: str, name: str, own: Entry) -> Entry:
    """A configuration as Keras 2.2 has it."""
    config: Entry = {"name": name, "trainable": True, **own}
    if kind == "InputLayer":
        return {"batch_input_shape": [None, 6, 6, 2], "dtype": "float32", "sparse": False, "name": name}
    if kind in ("Conv2D", "Dense"):
        config |= {
            "activation": own.get("activation", "linear"), "use_bias": True, "kernel_initializer": GLOROT_2_2,
            "bias_initializer": {"class_name": "Zeros", "config": {}}, "kernel_regularizer": None,
            "bias_regularizer": None, "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
        }  # fmt: skip
    if kind == "Conv2D":
        config |= {"data_format": "channels_last", "dilation_rate": [1, 1]}
    if kind == "BatchNormalization":
        config |= {"axis": -1, "gamma_regularizer": None, "beta_constraint": None}
    if kind == "LeakyReLU":
        config["alpha"] = {"type": "ndarray", "value": 0.30000001192092896}
    return config


def tensorflow_1(kind: str, name: str, own: Entry) -> Entry:
    """As tf.keras of TensorFlow 1.15 has it: a dtype everywhere, axes as lists."""
    config = {**keras_2(kind, name, own), "dtype": "float32"}
    if kind == "BatchNormalization":
        config["axis"] = [3]
    if kind == "LeakyReLU":
        config["alpha"] = 0.30000001192092896
    return config


def tensorflow_2(kind: str, name: str, own: Entry) -> Entry:
    """As TensorFlow 2.4 to 2.12 have it."""
    config = tensorflow_1(kind, name, own)
    if kind == "InputLayer":
        return {**config, "ragged": False}
    if kind == "Conv2D":
        config["groups"] = 1
    if kind in ("Conv2D", "Dense"):
        config["kernel_initializer"] = GLOROT
    return config


def keras_3(kind: str, name: str, own: Entry, *, policy: Any = "float32", extra: Entry | None = None) -> Entry:
    """As Keras 3 has it."""
    if kind == "InputLayer":
        return {"batch_shape": [None, 6, 6, 2], "dtype": "float32", "sparse": False, "name": name, **(extra or {})}
    config = {**tensorflow_2(kind, name, own), "dtype": policy}
    if kind == "LeakyReLU":
        config = {"name": name, "trainable": True, "dtype": policy, "negative_slope": 0.3}
    if kind == "BatchNormalization":
        config |= {"axis": -1, "synchronized": False}
    if kind in ("Conv2D", "Dense"):
        config["kernel_initializer"] = GLOROT_3
    return config


Style = Callable[[str, str, Entry], Entry]


def sequential(style: Style, *, listed: bool = False) -> Entry:
    """A Sequential of Keras 2, whose first layer holds the shape; before 2.2.3 its configuration was a list."""
    entries = [{"class_name": kind, "config": style(kind, name, own)} for kind, name, own in LAYERS[1:]]
    entries[0]["config"]["batch_input_shape"] = [None, 6, 6, 2]
    return {"class_name": "Sequential", "config": entries if listed else {"name": "sequential_1", "layers": entries}}


def functional(style: Style, class_name: str, *, module: bool = False) -> Entry:
    """A functional model in the form of Keras 2; 2.13 and later name modules."""
    entries = []
    for place, (kind, name, own) in enumerate(LAYERS):
        before = [[[LAYERS[place - 1][1], 0, 0, {}]]] if place else []
        entry = {"name": name, "class_name": kind, "config": style(kind, name, own), "inbound_nodes": before}
        entries.append(entry | ({"module": "keras.layers", "registered_name": None} if module else {}))
    config = {"name": "model_1", "layers": entries, "input_layers": [["input_1", 0, 0]]}
    return {"class_name": class_name, "config": config | {"output_layers": [["dense_1", 0, 0]]}}


def functional_3(style: Style) -> Entry:
    """The same in the form of Keras 3."""
    entries = []
    shapes = [[None, 6, 6, 2]] * 6 + [[None, 72]]
    for place, (kind, name, own) in enumerate(LAYERS):
        history = {"shape": shapes[place], "dtype": "float32", "keras_history": [LAYERS[place - 1][1], 0, 0]}
        tensor = {"class_name": "__keras_tensor__", "config": history}
        entry = {
            "module": "keras.layers", "class_name": kind, "config": style(kind, name, own), "registered_name": None,
            "name": name, "inbound_nodes": [{"args": [tensor], "kwargs": {}}] if place else [],
        }  # fmt: skip
        if place:
            entry["build_config"] = {"input_shape": shapes[place]}
        entries.append(entry)
    config = {"name": "functional_1", "trainable": True, "layers": entries, "input_layers": [["input_1", 0, 0]]}
    return {
        "module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional",
        "config": config | {"output_layers": [["dense_1", 0, 0]]}, "build_config": {"input_shape": None},
        "compile_config": {"optimizer": "adam", "loss": "sparse_categorical_crossentropy"},
    }  # fmt: skip


def h5(config: Entry, version: str, *, names: str = "{layer}/{weight}:0", own: Arrays | None = None) -> bytes:
    """An `.h5` file as Keras 2 lays it out: texts as bytes, a group for every layer, optimiser beside them."""
    stored = own or arrays()
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["keras_version"] = version.encode()
        file.attrs["backend"] = b"tensorflow"
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["training_config"] = b'{"loss": "categorical_crossentropy"}'
        top = file.create_group("model_weights")
        top.attrs["layer_names"] = [name.encode() for _, name, _ in LAYERS]
        top.attrs["backend"], top.attrs["keras_version"] = b"tensorflow", version.encode()
        for _, layer, _ in LAYERS:
            group = top.create_group(layer)
            listed = [names.format(layer=layer, weight=weight) for weight in stored.get(layer, {})]
            group.attrs["weight_names"] = [name.encode() for name in listed]
            for name, array in zip(listed, stored.get(layer, {}).values(), strict=True):
                group[name] = array
        file.create_group("optimizer_weights").attrs["weight_names"] = [b"training/Adam/iterations:0"]
    return buffer.getvalue()


def archive(
    config: Entry, version: str, *, named: bool = False, place: str = "layers/{}", second: str = "conv2d_1"
) -> bytes:
    """A `.keras` archive; later versions name the layer beside its arrays. second: the second convolution's group."""
    buffer = io.BytesIO()
    counted = {"conv2d_1": "conv2d", "conv2d_2": second, "dense_1": "dense"}
    with h5py.File(buffer, "w") as file:
        for layer, own in arrays().items():
            group = file.create_group(f"{place.format(counted.get(layer, 'batch_normalization'))}/vars")
            for number, array in enumerate(own.values()):
                group[str(number)] = array
            if named:
                group.attrs["name"] = layer
        file.create_group(f"{place.format('flatten')}/vars")
        file["optimizer/vars/0"] = np.int64(3)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        target.writestr("metadata.json", json.dumps({"keras_version": version, "date_saved": "2024-01-01@00:00:00"}))
        target.writestr("config.json", json.dumps(config))
        target.writestr("model.weights.h5", buffer.getvalue())
    return packed.getvalue()


def renamed_batch_norm(config: Entry) -> Entry:
    """TensorFlow 1 called the class by its version."""
    for entry in config["config"]["layers"]:
        if entry["class_name"] == "BatchNormalization":
            entry["class_name"] = "BatchNormalizationV1"
    return config


def latest(kind: str, name: str, own: Entry) -> Entry:
    """As Keras 3.15 has it."""
    return keras_3(kind, name, own, policy=POLICY, extra={"ragged": False, "optional": False})


DEPENDENCIES = "_layer_checkpoint_dependencies"


def keras_2_archive(version: str, place: str, *, second: str) -> bytes:
    """A `.keras` archive of Keras 2."""
    return archive(functional(tensorflow_2, "Functional", module=True), version, place=place, second=second)


WRITERS: dict[str, tuple[str, bytes]] = {
    "Keras 2.0, a list": (".h5", h5(sequential(keras_2, listed=True), "2.0.8")),
    "Keras 2.2.4, Sequential": (".h5", h5(sequential(keras_2), "2.2.4")),
    "Keras 2.2.4, Model": (".h5", h5(functional(keras_2, "Model"), "2.2.4")),
    "Keras 2.3.1, names of another session": (
        ".h5", h5(functional(keras_2, "Model"), "2.3.1", names="{layer}_7/{weight}:0")
    ),
    "TensorFlow 1.15": (".h5", h5(renamed_batch_norm(functional(tensorflow_1, "Model")), "2.2.4-tf")),
    "TensorFlow 1.15, Sequential": (".h5", h5(renamed_batch_norm(sequential(tensorflow_1)), "2.2.4-tf")),
    "TensorFlow 2.2": (".h5", h5(functional(tensorflow_2, "Model"), "2.3.0-tf")),
    "TensorFlow 2.4": (".h5", h5(functional(tensorflow_2, "Functional"), "2.4.0")),
    "TensorFlow 2.12": (".h5", h5(sequential(tensorflow_2), "2.12.0")),
    "TensorFlow 2.15": (".h5", h5(functional(tensorflow_2, "Functional", module=True), "2.15.0")),
    "Keras 2.13": (".keras", keras_2_archive("2.13.1", DEPENDENCIES + "/{}", second="conv2d_2")),
    "Keras 2.13 on Windows": (".keras", keras_2_archive("2.13.1", DEPENDENCIES + "\\{}", second="conv2d_2")),
    "Keras 2.14": (".keras", keras_2_archive("2.14.0", DEPENDENCIES + "/{}", second="conv2d_1")),
    "Keras 2.15": (".keras", keras_2_archive("2.15.0", "layers/{}", second="conv2d_1")),
    "Keras 2.15 on Windows": (".keras", keras_2_archive("2.15.0", "layers\\{}", second="conv2d_1")),
    "Keras 3.0": (".keras", archive(functional_3(keras_3), "3.0.0", named=False)),
    "Keras 3.0, .h5": (".h5", h5(functional_3(keras_3), "3.0.0", names="{layer}/{weight}")),
    "Keras 3.4": (
        ".keras", archive(functional_3(lambda *each: keras_3(*each, policy=POLICY)), "3.4.1", named=False)
    ),
    "Keras 3.15": (".keras", archive(functional_3(latest), "3.15.1", named=True)),
    "Keras 3.15, .h5": (".h5", h5(functional_3(latest), "3.15.1", names="functional_1/{layer}/{weight}")),
}  # fmt: skip


def read(writer: str) -> CanonicalModel:
    suffix, content = WRITERS[writer]
    return read_open_model(io.BytesIO(content), name=f"model{suffix}")


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_of_an_older_writer_is_read(writer: str) -> None:
    canonical = read(writer)
    assert canonical.input_shape == (6, 6, 2)
    assert (canonical.head, canonical.classes) == ("softmax", 3)
    assert [layer.kind for layer in canonical.layers] == [kind for kind, _, _ in LAYERS[1:]]
    for layer, own in arrays().items():
        for name, array in own.items():
            np.testing.assert_array_equal(canonical.weights[f"{layer}/{name}"], array)
    slope = next(layer.options for layer in canonical.layers if layer.kind == "LeakyReLU")["negative_slope"]
    assert slope == pytest.approx(0.3)


def test_all_writers_wrote_the_same_net() -> None:
    """But for a slope that old versions keep as float32."""
    forms = set()
    for writer in WRITERS:
        canonical = read(writer)
        options = [
            {name: round(value, 6) if isinstance(value, float) else value for name, value in layer.options.items()}
            for layer in canonical.layers
        ]
        # TensorFlow 1 counts a batch norm's axis from the front.
        forms.add(json.dumps(options).replace('"axis": 3', '"axis": -1'))
    assert len(forms) == 1
