"""Configurations changed: order, names, options and their spellings, entries, wiring."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from tests.differential.mutations.file import Chance, Config, File, Mutated
from tests.hostile.mutations import NASTY


def entries(config: Config) -> Iterator[tuple[list[Config], int]]:
    """Every layer of a model and of the models in it: the list that it stands in, and its place there."""
    layers = config["config"]["layers"] if isinstance(config.get("config"), dict) else config.get("config", [])
    for place, entry in enumerate(layers):
        yield layers, place
        if isinstance(entry.get("config"), dict) and "layers" in entry["config"]:
            yield from entries(entry)


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
    ("height", 3), ("width", 4), ("groups", 2), ("groups", -1), ("crop_to_aspect_ratio", True), ("newshape", [-1, 3]),
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
    ("module", "keras.src.ops.nn"),
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
    "RandomFlip", "RandomContrast", "AutoContrast", "Resizing", "CenterCrop", "UnitNormalization", "Tanh", "Negative",
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
