"""Files that two readers may understand differently: a valid one with something swapped, said twice or put beside it.

Each mutation takes a file's content and a random generator. Most of what comes out is refused by the door or by Keras;
where both take it they must agree.
"""

import copy
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import h5py
import numpy as np

from tests.hostile.mutations import NASTY

Config = dict[str, Any]
Chance = random.Random


class Mutated(NamedTuple):
    """A file and the name that it comes under."""

    suffix: str
    content: bytes
    name: str


class File:
    """A valid file of either format, taken apart."""

    def __init__(self, suffix: str, content: bytes) -> None:
        self.suffix = suffix
        self.content = content
        if suffix == ".keras":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                self.members = {name: archive.read(name) for name in archive.namelist()}
            self.config = json.loads(self.members["config.json"])
            self.weights = self.members["model.weights.h5"]
        else:
            with h5py.File(io.BytesIO(content)) as file:
                self.config = json.loads(file.attrs["model_config"])
            self.weights = content

    def with_config(self, config: Config | str) -> bytes:
        """The file with another configuration."""
        text = config if isinstance(config, str) else json.dumps(config)
        if self.suffix == ".keras":
            return zipped(self.members | {"config.json": text.encode()})
        return changed_h5(self.content, lambda file: file.attrs.__setitem__("model_config", text))

    def with_weights(self, change: Callable[[h5py.File], object]) -> bytes:
        """The file with its arrays changed in place."""
        weights = changed_h5(self.weights, change)
        return weights if self.suffix == ".h5" else zipped(self.members | {"model.weights.h5": weights})


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def changed_h5(content: bytes, change: Callable[[h5py.File], object]) -> bytes:
    """An HDF5 file with a change made to it."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


def entries(config: Config) -> Iterator[tuple[list[Config], int]]:
    """Every layer of a model and of the models in it: the list that it stands in, and its place there."""
    layers = config["config"]["layers"] if isinstance(config.get("config"), dict) else config.get("config", [])
    for place, entry in enumerate(layers):
        yield layers, place
        if isinstance(entry.get("config"), dict) and "layers" in entry["config"]:
            yield from entries(entry)


# Of the configuration.


def _two_of(config: Config, chance: Chance) -> tuple[list[Config], int, int]:
    layers, place = chance.choice(list(entries(config)))
    return layers, place, chance.randrange(len(layers))


def order(config: Config, chance: Chance) -> None:
    """Two layers listed the other way round."""
    layers, one, other = _two_of(config, chance)
    layers[one], layers[other] = layers[other], layers[one]


def names(config: Config, chance: Chance) -> None:
    """Two layers with each other's names: in the entries, in the configurations, or in both."""
    layers, one, other = _two_of(config, chance)
    which = chance.choice(["name", "config", "both"])
    if which != "config" and "name" in layers[one] and "name" in layers[other]:
        layers[one]["name"], layers[other]["name"] = layers[other]["name"], layers[one]["name"]
    if which != "name":
        first, second = layers[one]["config"], layers[other]["config"]
        first["name"], second["name"] = second.get("name"), first.get("name")


def options(config: Config, chance: Chance) -> None:
    """Options of two layers exchanged."""
    layers, one, other = _two_of(config, chance)
    first, second = layers[one]["config"], layers[other]["config"]
    keys = sorted((set(first) & set(second)) - {"name"})
    for key in chance.sample(keys, min(len(keys), 2)):
        first[key], second[key] = second[key], first[key]


SPELLINGS = (
    ("alpha", 0.9), ("negative_slope", 0.9), ("batch_shape", [None, 8, 8, 3]), ("batch_input_shape", [None, 8, 8, 3]),
    ("input_shape", [8, 8, 3]), ("input_dim", 3), ("axis", [1, 2]), ("axis", None), ("axis", 1), ("axis", [-1]),
    ("activation", {"module": "keras.ops", "class_name": "function", "config": "gelu", "registered_name": "gelu"}),
    ("activation", {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "relu"}),
    ("activation", {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "tanh"}),
    ("activation", {"module": "keras.layers", "class_name": "Softmax", "config": {"axis": 1}}), ("activation", "gelu"),
    ("activation", "hard_sigmoid"), ("activation", None), ("threshold", {"type": "ndarray", "value": 0.5}),
    ("scale", {"value": 2.0, "class_name": "__numpy__", "config": {"value": 3.0, "dtype": "float32"}}),
    ("offset", {"class_name": "__tuple__", "items": [1.0]}), ("pool_size", {"class_name": "__tuple__", "items": [2]}),
    ("negative_slope", {"value": 0.1, "class_name": "__numpy__", "config": {"value": 0.9, "dtype": "float32"}}),
    ("dtype", "float16"), ("dtype", "mixed_float16"), ("dtype", "bfloat16"), ("dtype", "float64"), ("dtype", "int8"),
    ("dtype", {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float16"}, "registered_name": None}),
    ("dtype", {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}),
    ("trainable", False), ("trainable", True), ("trainable", 0), ("lora_rank", 2), ("autocast", False), ("seed", 3),
    ("data_format", "channels_first"), ("data_format", None), ("epsilon", 0.5), ("momentum", 0.1), ("padding", "SAME"),
    ("use_bias", False), ("noise_shape", [1, 1]), ("interpolation", "nearest"), ("shared_axes", [1]), ("units", 2),
    ("shared_axes", [-1]),
    ("axis", [1, -1]), ("axis", [-1, 3]),
    ("sparse", True), ("ragged", True), ("optional", True), ("build_input_shape", [None, 6, 6, 3]), ("renorm", True),
    ("mean", 0.5), ("variance", 2.0), ("invert", True), ("keepdims", True), ("dilation_rate", [2, 2]), ("groups", 1),
    ("name", "other"), ("name", None), ("strides", [2, 2]), ("target_shape", [-1]), ("center", False), ("scale", 0.5),
)  # fmt: skip
"""Options that say something again, otherwise, or by the way of another class."""


def spelling(config: Config, chance: Chance) -> None:
    """One of SPELLINGS set, or a key of that name taken away."""
    layers, place = chance.choice(list(entries(config)))
    own = layers[place]["config"] if isinstance(layers[place].get("config"), dict) else {}
    fitting = [(key, value) for key, value in SPELLINGS if key in own] or list(SPELLINGS)
    key, value = chance.choice(fitting if chance.random() < 0.6 else SPELLINGS)
    if chance.random() < 0.1:
        own.pop(key, None)
    else:
        own[key] = copy.deepcopy(value)


ENTRY = (
    ("module", "keras.layers"), ("module", "keras.src.ops.numpy"), ("module", "keras.src.layers.core.dense"),
    ("module", "keras"), ("module", None), ("module", "tensorflow.keras.layers"), ("module", "keras.activations"),
    ("registered_name", "Dense"), ("registered_name", "my>Dense"), ("registered_name", "Functional"),
    ("shared_object_id", 7), ("shared_object_id", 7), ("shared_object_id", 7), ("class_name", "Functional"),
    ("build_config", {"input_shape": [None, 1, 1, 3]}), ("build_config", {"shapes_dict": {"input_shape": [None, 3]}}),
    ("build_config", {"input_shape": [None, 4, 4, 4]}), ("build_config", None), ("compile_config", {"loss": "mse"}),
    ("inbound_nodes", []), ("name", "other"),
)  # fmt: skip
CLASSES = (
    "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax", "Activation", "Flatten", "Dropout", "MaxPooling2D",
    "AveragePooling2D", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Model",
    "GaussianNoise", "BatchNormalization", "LayerNormalization", "Rescaling", "Identity", "BatchNormalizationV1",
)  # fmt: skip


def entry(config: Config, chance: Chance) -> None:
    """A key of one entry, or of two, replaced; or its class."""
    layers, one, other = _two_of(config, chance)
    kind = chance.random()
    if kind < 0.3:
        layers[one]["class_name"] = chance.choice(CLASSES)
        return
    key, value = chance.choice(ENTRY)
    for place in {one, other} if kind < 0.6 else {one}:
        layers[place][key] = copy.deepcopy(value)


def _references(value: Any) -> Iterator[list[Any]]:
    """Every [layer, call, tensor] in a configuration."""
    if isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _references(each)


def wiring(config: Config, chance: Chance) -> None:
    """One reference to another layer or call, or two exchanged."""
    found = list(_references(config))
    if not found:
        return
    one, other = chance.choice(found), chance.choice(found)
    kind = chance.random()
    if kind < 0.4:
        one[:3], other[:3] = other[:3], one[:3]
    elif kind < 0.7:
        one[0] = other[0]
    else:
        one[chance.choice([1, 2])] = chance.choice([0, 1, 2, -1])


def calls(config: Config, chance: Chance) -> None:
    """The call of a layer in another form: a list of one, the form of Keras 2, arguments by name, a call more."""
    layers, place = chance.choice(list(entries(config)))
    nodes = layers[place].get("inbound_nodes")
    if not nodes or not isinstance(nodes[0], dict):
        return
    node = chance.choice(nodes)
    kind = chance.choice(["list", "keras2", "training", "mask", "again", "kwargs"])
    if kind == "list":
        node["args"] = [[node["args"][0]]] if not isinstance(node["args"][0], list) else node["args"][0]
    elif kind == "keras2":
        tensors = node["args"][0] if isinstance(node["args"][0], list) else node["args"]
        histories = [each["config"]["keras_history"] for each in tensors if isinstance(each, dict)]
        layers[place]["inbound_nodes"] = [[[*history, {}] for history in histories]]
    elif kind == "training":
        node["kwargs"] = {"training": chance.choice([True, False, None])}
    elif kind == "mask":
        node["kwargs"] = {"mask": None}
    elif kind == "again":
        nodes.append(copy.deepcopy(node))
    else:
        node["kwargs"] = {"inputs": copy.deepcopy(node["args"][0])}


def unused(config: Config, chance: Chance) -> None:
    """A copy of a layer, under another name, that nothing takes."""
    layers, place = chance.choice(list(entries(config)))
    twin = copy.deepcopy(layers[place])
    if isinstance(twin.get("config"), dict):
        twin["config"]["name"] = "twin"
    if "name" in twin:
        twin["name"] = "twin"
    layers.insert(chance.choice([place, place + 1, len(layers)]), twin)


def nasty(config: Config, chance: Chance) -> None:
    """A value that belongs nowhere, in an option."""
    layers, place = chance.choice(list(entries(config)))
    own = layers[place]["config"]
    if isinstance(own, dict) and own:
        own[chance.choice(sorted(own))] = json.loads(json.dumps(chance.choice(NASTY)))


CONFIG = (order, names, options, spelling, spelling, spelling, entry, entry, wiring, calls, unused, nasty)


def configured(file: File, chance: Chance) -> Mutated:
    """One or two changes of the configuration; now and then a key that stands twice in the text."""
    config = copy.deepcopy(file.config)
    for _ in range(chance.choice((1, 1, 2))):
        chance.choice(CONFIG)(config, chance)
    text = json.dumps(config)
    if chance.random() < 0.05:
        text = text.replace('"name":', '"trainable": false, "trainable": true, "name":', 1)
    return Mutated(file.suffix, file.with_config(text), f"model{file.suffix}")


# Of the arrays.


def _groups(file: h5py.File) -> list[str]:
    """Groups with arrays in them."""
    found: list[str] = []
    file.visititems(
        lambda name, item: (
            found.append(name)
            if isinstance(item, h5py.Group) and any(isinstance(each, h5py.Dataset) for each in item.values())
            else None
        )
    )
    return found


def _datasets(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def _listed(file: h5py.File) -> list[tuple[Any, str]]:
    """Attributes that are lists of names."""
    found: list[tuple[Any, str]] = []
    items = [file]
    file.visititems(lambda _, item: items.append(item))
    for item in items:
        found += [(item, name) for name in item.attrs if name.startswith(("layer_names", "weight_names"))]
    return found


def listing(file: h5py.File, chance: Chance) -> None:
    """A list of names in another order, in two pieces, in both forms, or as one text."""
    lists = _listed(file)
    if not lists:
        return
    item, name = chance.choice(lists)
    values = list(item.attrs[name])
    kind = chance.choice(["shuffle", "swap", "pieces", "both", "matrix", "text", "twice", "less"])
    if kind == "shuffle":
        chance.shuffle(values)
        item.attrs[name] = values
    elif kind == "swap" and len(values) > 1:
        values[0], values[1] = values[1], values[0]
        item.attrs[name] = values
    elif kind == "pieces":
        del item.attrs[name]
        half = len(values) // 2
        item.attrs[f"{name}0"], item.attrs[f"{name}1"] = values[half:], values[:half]
    elif kind == "both":
        item.attrs[f"{name}0"] = values[::-1]
    elif kind == "matrix":
        item.attrs[name] = [values]
    elif kind == "text" and values:
        item.attrs[name] = values[0]
    elif kind == "twice" and values:
        item.attrs[name] = [*values[:-1], values[0]]
    elif kind == "less":
        item.attrs[name] = values[:-1]


def exchanged(file: h5py.File, chance: Chance) -> None:
    """Two groups or two arrays in each other's place."""
    found = _groups(file) if chance.random() < 0.5 else _datasets(file)
    if len(found) < 2:
        return
    one, other = chance.sample(found, 2)
    if one.startswith(f"{other}/") or other.startswith(f"{one}/"):
        return
    file.move(one, "aside")
    file.move(other, one)
    file.move("aside", other)


def stored(file: h5py.File, chance: Chance) -> None:
    """An array stored in another way."""
    found = _datasets(file)
    if not found:
        return
    name = chance.choice(found)
    data = file[name][()]
    kind = chance.choice(["bfloat16", "float16", "float64", "int", "big", "soft", "transposed", "name", "extra"])
    if kind == "bfloat16":
        file[name].attrs["dtype"] = "bfloat16"
    elif kind == "name":
        file[name].parent.attrs["name"] = chance.choice(["dense", "conv", "other"])
    elif kind == "extra":
        file[f"{file[name].parent.name}/{chance.choice(['9', 'x', 'value'])}"] = data
    else:
        del file[name]
        made = {
            "float16": lambda: np.asarray(data, np.float16),
            "float64": lambda: np.asarray(data, np.float64),
            "int": lambda: np.asarray(np.nan_to_num(data), np.int32),
            "big": lambda: np.asarray(data, ">f4"),
            "soft": lambda: h5py.SoftLink(f"/{chance.choice(found)}"),
            "transposed": lambda: np.asarray(data).T,
        }
        file[name] = made[kind]()


def doubled(file: h5py.File, chance: Chance) -> None:
    """A second set of groups beside the first, with other numbers."""
    top = chance.choice([name for name in file if isinstance(file[name], h5py.Group)])
    other = chance.choice(["_layer_checkpoint_dependencies", "layers", "model_weights", "vars", "optimizer"])
    if other not in file:
        file.copy(top, other)
    for name in _datasets(file):
        if name.startswith(other) and file[name].dtype.kind == "f":
            file[name][...] = np.asarray(file[name]) * 2


def attributes(file: h5py.File, chance: Chance) -> None:
    """What is said about the writer."""
    item = file.get("model_weights", file) if chance.random() < 0.5 else file
    item.attrs[chance.choice(["keras_version", "backend"])] = chance.choice(["1.0", "2.3.1", "3.15.1", "theano", "jax"])


ARRAYS = (listing, listing, exchanged, exchanged, stored, doubled, attributes)


def rearranged(file: File, chance: Chance) -> Mutated:
    """One change of the arrays and of their names."""
    change = chance.choice(ARRAYS)
    return Mutated(file.suffix, file.with_weights(lambda opened: change(opened, chance)), f"model{file.suffix}")


# Of the container.


def contained(file: File, other: File, chance: Chance) -> Mutated:
    """Two files in one, something beside the file, a member more, or a name that says otherwise."""
    content, second = file.content, other.content
    pad = b"\0" * (-len(content) % 512)
    made: dict[str, Callable[[], bytes]] = {
        "before": lambda: second + content,
        "behind": lambda: content + second,
        "user block": lambda: _power(second) + content,
        "behind at a place of HDF5": lambda: content + pad + second,
        "garbage behind": lambda: content + bytes(chance.randrange(1, 600)),
        "garbage before": lambda: bytes(chance.choice([1, 512, 1024])) + content,
        "as it is": lambda: content,
    }
    if file.suffix == ".keras":
        made |= {
            "a member more": lambda: zipped(file.members | {chance.choice(MEMBERS): second}),
            "packed": lambda: zipped(file.members, zipfile.ZIP_DEFLATED),
            "a member twice": lambda: _twice(file, other, chance),
            "a comment": lambda: _commented(content, second[:60000]),
            "another version": lambda: zipped(
                file.members
                | {"metadata.json": json.dumps({"keras_version": chance.choice(["2.13.1", "1.0"])}).encode()}
            ),
        }
    chosen = chance.choice(sorted(made))
    suffix = chance.choice([".keras", ".h5"]) if chance.random() < 0.7 else file.suffix
    name = chance.choice([f"model{suffix}", f"model{suffix}", f"MODEL{suffix.upper()}", "model", "model.hdf5"])
    return Mutated(suffix, made[chosen](), name)


MEMBERS = ("model.weights.npz", "model.weights.h5.bak", "assets/x", "config.json/x", "./config.json", "CONFIG.JSON")


def _power(content: bytes) -> bytes:
    """Filled up to the next place where HDF5 looks for its signature."""
    size = 512
    while size < len(content):
        size *= 2
    return content + bytes(size - len(content))


def _twice(file: File, other: File, chance: Chance) -> bytes:
    import warnings

    buffer = io.BytesIO()
    name = chance.choice(["config.json", "model.weights.h5"])
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        for each, data in file.members.items():
            archive.writestr(each, data)
        archive.writestr(name, other.members[name] if other.suffix == ".keras" else b"{}")
    return buffer.getvalue()


def _commented(content: bytes, comment: bytes) -> bytes:
    return content[:-2] + len(comment).to_bytes(2, "little") + comment


def mutated(file: File, other: File, chance: Chance) -> Mutated:
    """One file made of another (and of a second one), by any of the ways above.

    Bytes at random are `tests.hostile.fuzz`'s: they may end or hang the HDF5 library, which wants a process for each.
    """
    while True:
        kind = chance.random()
        try:
            if kind < 0.6:
                return configured(file, chance)
            return rearranged(file, chance) if kind < 0.85 else contained(file, other, chance)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            continue  # what there is to change is not in this file
