"""Files that two readers understand differently: each carries a net for Keras and another one for who goes by names,
first bytes or first spellings.
"""

import io
import itertools
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.hostile import seeds
from tests.hostile.families.case import Case, Make, edited, layer, options, stored

Change = Callable[[seeds.Config], object]

_H5 = seeds.content(seeds.write_h5)
_KERAS = seeds.content(seeds.write_keras)


def twins() -> seeds.Config:
    """Two convolutions of one size side by side, each with a norm; their difference is the answer."""
    config = seeds.functional(
        [
            seeds.entry("InputLayer", "picture", batch_shape=[None, 8, 8, 3]),
            *(seeds.entry("Conv2D", f"conv_{side}", "picture", filters=4, kernel_size=[3, 3]) for side in "ab"),
            *(seeds.entry("BatchNormalization", f"norm_{side}", f"conv_{side}") for side in "ab"),
            seeds.entry("Subtract", "difference"),
            seeds.entry("Flatten", "flat", "difference"),
            seeds.entry("Dense", "answer", "flat", units=3, activation="softmax"),
        ]
    )
    tensors = [seeds.entry("Add", "", f"norm_{side}")["inbound_nodes"][0]["args"][0] for side in "ab"]
    seeds.layer(config, "difference")["inbound_nodes"] = [{"args": [tensors], "kwargs": {}}]
    return config


def twin_weights() -> dict[str, dict[str, Any]]:
    """In Keras' order."""
    own, other = seeds.weights(), {name: array * 2 for name, array in seeds.weights()["conv"].items()}
    norms = {f"norm_{side}": dict(own["norm"]) for side in "ab"}
    return {"conv_a": own["conv"], "conv_b": other, **norms, "answer": own["answer"]}


PLACES = {"conv_a": "conv2d", "conv_b": "conv2d_1", "norm_a": "batch_normalization", "norm_b": "batch_normalization_1"}


def twin_archive(config: seeds.Config, change: Callable[[h5py.File], object] | None = None) -> dict[str, bytes]:
    """The members of a `.keras` archive of the twins."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, own in twin_weights().items():
            for number, array in enumerate(own.values()):
                file[f"layers/{PLACES.get(name, 'dense')}/vars/{number}"] = array
            file[f"layers/{PLACES.get(name, 'dense')}/vars"].attrs["name"] = name
        if change is not None:
            change(file)
    return seeds.members(config) | {"model.weights.h5": buffer.getvalue()}


def _twin(change: Change) -> Make:
    """The twins as `.keras` with a changed configuration."""

    def make(folder: Path) -> Path:
        config = twins()
        change(config)
        return seeds.write_keras(folder / "model.keras", twin_archive(config))

    return make


def _twin_arrays(change: Callable[[h5py.File], object]) -> Make:
    return lambda folder: seeds.write_keras(folder / "model.keras", twin_archive(twins(), change))


def _twin_h5(change: Callable[[h5py.File], object]) -> Make:
    return lambda folder: seeds.write_h5(folder / "model.h5", twins(), twin_weights(), change)


def _swap_layers(config: seeds.Config) -> None:
    layers = config["config"]["layers"]
    layers[1], layers[2] = layers[2], layers[1]


def _swap_names(config: seeds.Config) -> None:
    one, other = seeds.layer(config, "conv_a"), seeds.layer(config, "conv_b")
    one["config"]["name"], other["config"]["name"] = "conv_b", "conv_a"


def _reordered(attribute: str, *order: int, group: str = "model_weights") -> Callable[[h5py.File], object]:
    def change(file: h5py.File) -> None:
        names = file[group].attrs[attribute]
        file[group].attrs[attribute] = np.array([names[place] for place in order])

    return change


def _both_lists(file: h5py.File) -> None:
    names = file["model_weights"].attrs["layer_names"]
    file["model_weights"].attrs["layer_names0"] = names[::-1]


def _one_text(file: h5py.File) -> None:
    file["model_weights/conv_a"].attrs["weight_names"] = "conv_a/kernel"


def _moved(file: h5py.File) -> None:
    file.move("layers/conv2d", "layers/aside")
    file.move("layers/conv2d_1", "layers/conv2d")
    file.move("layers/aside", "layers/conv2d_1")


def _rounded(file: h5py.File) -> None:
    file["layers/conv2d/vars/0"].attrs["dtype"] = "bfloat16"


def _second_tree(file: h5py.File) -> None:
    file.copy("layers", "_layer_checkpoint_dependencies")


def _spare(file: h5py.File) -> None:
    file.copy("layers/conv2d_1", "layers/conv2d_2")


def _unused(config: seeds.Config) -> None:
    """A convolution before the others that nothing takes: counted by who counts entries, not by Keras."""
    config["config"]["layers"].insert(1, seeds.entry("Conv2D", "spare", "picture", filters=4, kernel_size=[3, 3]))


def _called_again(config: seeds.Config) -> None:
    entry = seeds.layer(config, "conv_a")
    entry["inbound_nodes"] *= 2


def _one_object(config: seeds.Config) -> None:
    for side in "ab":
        seeds.layer(config, f"conv_{side}")["shared_object_id"] = 7


def _one_policy(config: seeds.Config) -> None:
    for side, slope in zip("ab", (0.1, 0.9), strict=True):
        own = {"class_name": "LeakyReLU", "config": {"negative_slope": slope}, "module": "keras.layers"}
        seeds.layer(config, f"conv_{side}")["config"]["activation"] = own | {"shared_object_id": 3}


def _twice(text: str, key: str, value: str) -> str:
    return text.replace(f'"{key}":', f'"{key}": {value}, "{key}":', 1)


def _doubled_key(folder: Path) -> Path:
    return seeds.write_h5(folder / "model.h5", _twice(json.dumps(seeds.classifier()), "activation", '"tanh"'))


def _policy(name: str, kind: str = "DTypePolicy") -> dict[str, Any]:
    return {"module": "keras", "class_name": kind, "config": {"name": name}, "registered_name": None}


def _function(module: str, name: str, registered: str | None = None) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered or name}


def _leaky(**slopes: Any) -> Make:
    return layer("flat", class_name="LeakyReLU", config={"name": "flat", **slopes})


def _padded(size: int) -> bytes:
    """An HDF5 file filled up to a place where HDF5 looks for its signature."""
    return _H5 + bytes(size - len(_H5))


def _commented() -> bytes:
    """A zip with another file as its comment."""
    comment = _H5[:60_000]
    return _KERAS[:-2] + len(comment).to_bytes(2, "little") + comment


def _hidden(folder: Path) -> Path:
    """A whole model between two members of an archive."""
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in seeds.members().items():
            archive.writestr(name, data)
            assert archive.fp is not None
            archive.fp.write(_H5)
            archive.start_dir = archive.fp.tell()
    return path


def _nested_orders(trainable: bool) -> Make:
    """A half-frozen nested model, whose arrays Keras 3 saves in one order and loads in another."""

    def make(folder: Path) -> Path:
        inner = seeds.functional(
            [
                seeds.entry("InputLayer", "in", batch_shape=[None, 8, 8, 3]),
                seeds.entry("Conv2D", "one", "in", filters=3, kernel_size=[3, 3], padding="same", trainable=False),
                seeds.entry("Conv2D", "two", "one", filters=3, kernel_size=[3, 3], padding="same"),
            ],
            "two",
            "inner",
        )
        inner["class_name"] = "Sequential" if trainable else "Functional"
        if trainable:
            inner["config"] = {"name": "inner", "trainable": False, "layers": inner["config"]["layers"]}
            inner["module"] = "keras"
        entry = {**inner, "name": "inner", "inbound_nodes": seeds.entry("Add", "", "picture")["inbound_nodes"]}
        config = seeds.functional(
            [
                seeds.entry("InputLayer", "picture", batch_shape=[None, 8, 8, 3]),
                entry,
                seeds.entry("Flatten", "flat", "inner"),
                seeds.entry("Dense", "answer", "flat", units=3, activation="softmax"),
            ]
        )
        random = seeds.generator()
        names = itertools.product(("v1", "v2"), ("kernel", "bias"))
        own = {f"{a}/{b}": random.random((3, 3, 3, 3) if b == "kernel" else 3, dtype=np.float32) for a, b in names}
        answer = {"kernel": random.random((192, 3), dtype=np.float32), "bias": random.random(3, dtype=np.float32)}
        return seeds.write_h5(folder / "model.h5", config, {"inner": own, "answer": answer})

    return make


CASES = {
    # Which net: order, names, identity.
    "layers listed in another order": Case(_twin(_swap_layers), "lists layer 'conv_b'"),
    "entries that are named otherwise inside": Case(_twin(_swap_names), "by its own configuration"),
    "groups listed in another order": Case(_twin_h5(_reordered("layer_names", 1, 0, 2, 3, 4)), "by their order"),
    "groups listed twice": Case(_twin_h5(_reordered("layer_names", 0, 0, 2, 3, 4)), "twice"),
    "arrays listed in another order": Case(
        _twin_h5(_reordered("weight_names", 0, 1, 3, 2, group="model_weights/norm_a")), "moving_mean of layer"
    ),
    "a list of names in both forms": Case(_twin_h5(_both_lists), "both 'layer_names'"),
    "a list of names that is one text": Case(_twin_h5(_one_text), "no list of names"),
    "groups in each other's place": Case(_twin_arrays(_moved), "gets the weights of"),
    "a layer that nothing takes": Case(_twin(_unused), "'spare' of model"),
    "a call that nothing takes": Case(_twin(_called_again), "by its call 1"),
    "two layers that are one object": Case(_twin(_one_object), "number of another object"),
    "two activations that are one object": Case(_twin(_one_policy), "number of another object"),
    "a second tree of weights": Case(_twin_arrays(_second_tree), "has both groups"),
    "weights of no layer": Case(_twin_arrays(_spare), "which no layer of the model takes"),
    "weights beside the model's": Case(_twin_h5(lambda file: file.copy("model_weights", "layers")), "also holds"),
    "weights that Theano wrote": Case(
        _twin_h5(lambda file: file["model_weights"].attrs.create("backend", "theano")), "mirrored"
    ),
    "a frozen Sequential of trained layers": Case(_nested_orders(True), "partly frozen"),
    # What a layer computes: precision, spellings, origin.
    **{f"precision {name}": Case(options("conv", dtype=name), f"computes in '{name}'")
       for name in ("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16", "int8", "half")},
    "precision as a policy": Case(options("flat", dtype=_policy("float16")), "computes in 'float16'"),
    "precision as a quantised policy": Case(
        options("conv", dtype=_policy("int8_from_float32", "QuantizedDTypePolicy")), "computes in"
    ),
    "precision as a map": Case(options("conv", dtype=_policy("float32", "DTypePolicyMap")), "computes in"),
    "precision of an activation": Case(
        options("conv", activation={"class_name": "ReLU", "config": {"dtype": "float16"}}), "computes in 'float16'"
    ),
    "precision of the model": Case(edited(lambda config: config["config"].update(dtype="float16")), "computes in"),
    "precision of the input": Case(options("picture", dtype="uint8"), "computes in 'uint8'"),
    "arrays to be rounded": Case(_twin_arrays(_rounded), "rounded to 'bfloat16'"),
    "a slope under both names": Case(_leaky(alpha=0.9, negative_slope=0.1), "both 'negative_slope' and 'alpha'"),
    "a number with two values": Case(
        _leaky(negative_slope={"value": 0.1, "class_name": "__numpy__", "config": {"value": 0.9}}), "a number"
    ),
    "a number as an array of another kind": Case(_leaky(negative_slope={"type": "x", "value": 0.1}), "a number"),
    "a shape under both names": Case(options("picture", batch_input_shape=[None, 4, 4, 3]), "which mean the same"),
    "a key that stands twice": Case(_doubled_key, "stands twice"),
    "an activation of another module": Case(options("conv", activation=_function("keras.ops", "gelu")), "activation"),
    "an activation registered otherwise": Case(
        options("conv", activation=_function("builtins", "relu", "tanh")), "activation"
    ),
    "an activation that says more": Case(
        options("conv", activation=_function("builtins", "relu") | {"build_config": {}}), "activation"
    ),
    "a class registered as another": Case(layer("flat", registered_name="Dense"), "registered as 'Dense'"),
    "a class of an inner module": Case(layer("flat", module="keras.src.layers.core.dense"), "not of Keras"),
    "a class of TensorFlow": Case(layer("flat", module="tensorflow.keras.layers"), "not of Keras"),
    "low rank adaptation": Case(options("answer", lora_rank=2), "lora_rank"),
    "several axes without a module": Case(
        edited(lambda config: seeds.layer(config, "norm").update(module=None)
               or seeds.layer(config, "norm").pop("module")
               or seeds.layer(config, "norm")["config"].update(axis=[1, 2])), "axis"
    ),
    "a sparse input": Case(options("picture", sparse=True), "plain inputs"),
    "built for another size": Case(layer("conv", build_config={"input_shape": [None, 4, 4, 3]}), "was built for"),
    "built by other words": Case(layer("conv", build_config={"shapes_dict": {}, "x": 1}), "was built for"),
    "one tensor in a list": Case(
        edited(lambda config: seeds.layer(config, "flat")["inbound_nodes"].__setitem__(
            0, {"args": [seeds.layer(config, "flat")["inbound_nodes"][0]["args"]], "kwargs": {}})), "wired to"
    ),
    "a key that Keras does not write": Case(layer("conv", weights="other"), "which Keras does not write"),
    "trained in part": Case(options("conv", trainable=0), "true or false"),
    # Which container.
    "a zip behind HDF5": Case(stored("model.h5", _H5 + _KERAS), "may be another model"),
    "HDF5 behind a zip": Case(stored("model.keras", _KERAS + _H5), "belong to none"),
    "HDF5 behind HDF5": Case(stored("model.h5", _H5 + _H5), "may be another model"),
    "a zip behind a zip": Case(stored("model.keras", _KERAS + _KERAS), "belong to none"),
    "HDF5 as a user block": Case(stored("model.h5", _padded(2**15) + _H5), "may be another model"),
    "HDF5 as a comment": Case(stored("model.keras", _commented()), "belong to none"),
    "HDF5 between members": Case(_hidden, "belong to none"),
    "a byte behind HDF5": Case(stored("model.h5", _H5 + b"\0"), "may be another model"),
    "a byte behind a zip": Case(stored("model.keras", _KERAS + b"\0"), "cut off or damaged|belong to none"),
    "a .keras that is HDF5": Case(stored("model.keras", _H5), "Keras goes by the name: call it .h5"),
    "an .h5 that is a zip": Case(stored("model.h5", _KERAS), "Keras goes by the name: call it .keras"),
    "weights in a second format": Case(
        lambda folder: seeds.write_keras(folder / "model.keras", seeds.members() | {"model.weights.npz": b"x"}),
        "also holds 'model.weights.npz'",
    ),
}  # fmt: skip
