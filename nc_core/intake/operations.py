"""Operations of Keras and TensorFlow that are written down as layers, of which ours are made, that compute the same.

Keras 3 saves the `x + 3.0` or the `keras.ops.softmax(x)` of a net as an entry of its own among the layers, an operation
with what else it takes in its call or its configuration; Keras 2 as a call of TensorFlow's function. The canonical form
knows none of these: a number becomes a Rescaling, an operation on two tensors the layer that merges them, a function of
one tensor the layer of that function. So whatever is built and saved afterwards loads with plain Keras.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake import options as read
from nc_core.intake.fields import ENTRY_KEYS, check_precision, plain_name
from nc_core.intake.functions import FUNCTIONS, KERAS_2_FUNCTIONS, homes
from nc_core.intake.layer_options import read_options
from nc_core.intake.layers import KINDS
from nc_core.intake.slices import as_layers, as_open_layers
from nc_core.intake.wording import shown

MODULES = ("keras.src.ops.numpy", "keras.ops.numpy", "keras.ops")
"""Where Keras 3 says that an operation comes from; `.h5` files do not say it."""
TENSORFLOW = "TFOpLambda"
"""Keras 2's class of all operations, which would call whatever function of TensorFlow is named there."""
TENSORFLOW_MODULES = ("keras.layers.core.tf_op_layer", "keras.src.layers.core.tf_op_layer")
"""Where Keras 2.12, and 2.13 to 2.15, have it."""


@dataclass(frozen=True)
class Operation:
    """An operation on two values.

    layer: the layer that does the same to two tensors, where there is one. right: scale and offset of the Rescaling
    that does the same to a tensor x, given the number n of `x ? n`; left: of `n ? x`, where that is one.
    """

    layer: str | None
    right: Callable[[float], tuple[float, float]]
    left: Callable[[float], tuple[float, float]] | None


def _sum(number: float) -> tuple[float, float]:
    return 1.0, number


def _product(number: float) -> tuple[float, float]:
    return number, 0.0


def _difference(number: float) -> tuple[float, float]:
    return 1.0, -number


def _complement(number: float) -> tuple[float, float]:
    return -1.0, number


def _share(number: float) -> tuple[float, float]:
    if number == 0:
        raise ValueError("a number other than 0")
    return 1 / number, 0.0


# Each is arithmetic of two values, element by element, without options: no code, no state, no other shape.
OPERATIONS: Mapping[str, Operation] = {
    "Add": Operation("Add", _sum, _sum),  # MobileNetV3's hard sigmoid, ConvNeXt's residuals
    "Subtract": Operation("Subtract", _difference, _complement),  # x - mean
    "Multiply": Operation("Multiply", _product, _product),  # x * (1 / 6), squeeze and excite
    "TrueDivide": Operation(None, _share, None),  # x / 255, as Python writes it; n / x is no Rescaling
    "Divide": Operation(None, _share, None),  # keras.ops.divide, the same
}


PLACES = "GetItem"
"""Keras 3's operation `x[key]`: a row of layers, see `slices.py`. Keras reads it in `.keras` files alone."""
SLICING, SLICED, SPEC = "SlicingOpLambda", "__operators__.getitem", "slice_spec"
"""Keras 2's class of the same, TensorFlow's function that it calls, and its argument beside the tensor."""


KERAS_2 = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "math.subtract": "Subtract",
    "math.multiply": "Multiply",
    "math.truediv": "TrueDivide",
    "math.divide": "Divide",
}
"""TensorFlow's names of the same, in the class `TFOpLambda` that Keras 2 wrote. It would call whatever function is
named there; here the name is looked up in this table alone."""


def is_operation(entry: Mapping[str, Any]) -> bool:
    """True for an entry of a configuration's `layers` that is one of OPERATIONS or FUNCTIONS, or PLACES.

    Where no module is given, its call or its options tell it from a layer of the same name.
    """
    name, class_name, module = _operation(entry), entry.get("class_name"), entry.get("module")
    if name is None or entry.get("registered_name") not in (None, class_name):
        return False
    if class_name in (TENSORFLOW, SLICING):
        return module in (None, *TENSORFLOW_MODULES)
    if class_name == PLACES:
        return module in MODULES
    if module is not None:
        return module in (MODULES if name in OPERATIONS else homes(name))
    if name in OPERATIONS:
        return any(len(_arguments(node)) == 2 for node in _nodes(entry))
    return name not in KINDS or "newshape" in _config(entry)


def as_layer(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of the layer that computes what the operation `entry` does; ModelRefused where there is none.

    Its call is the operation's own, without the number: what it takes is checked as for any other layer.
    """
    name, nodes = _operation(entry) or "", _nodes(entry)
    if len(nodes) != 1:
        raise _unreadable(entry, "it is not called exactly once")
    if name in FUNCTIONS:
        return _function(entry, name, nodes[0])
    if name == PLACES:
        return _places(entry, nodes[0])
    _check_config(entry)
    operation = OPERATIONS[name]
    arguments = _arguments(nodes[0])
    if len(arguments) != 2:
        raise _unreadable(entry, "its call is not one of two values alone")
    match [_is_tensor(value) for value in arguments]:
        case [True, True]:
            class_name, config = operation.layer, {}
        case [True, False]:
            class_name, config = "Rescaling", _rescaling(entry, operation.right, arguments[1])
        case [False, True]:
            class_name, config = "Rescaling", _rescaling(entry, operation.left, arguments[0])
        case _:
            raise _unreadable(entry, "it takes no tensor")
    if class_name is None:
        raise _unreadable(entry, "it divides by a tensor")
    called = _call(nodes[0], [value for value in arguments if _is_tensor(value)])
    return {"class_name": class_name, "config": config, "name": entry.get("name"), "inbound_nodes": [called]}


def _function(entry: Mapping[str, Any], name: str, node: Any) -> dict[str, Any]:
    """The same of one of FUNCTIONS, which takes one tensor or one list of them."""
    same = FUNCTIONS[name]
    if entry.get("class_name") == TENSORFLOW:
        _check_config(entry)
        called, given = _tensorflow_call(entry, node)
    else:
        _check_config(entry, same.options)
        if not isinstance(node, dict) or len(_arguments(node)) != 1 or node.get("kwargs"):
            raise _unreadable(entry, "its call is not one of tensors alone")
        called, given = node, {key: value for key, value in _config(entry).items() if key in same.options}
    options = read_options(name, given, plain_name(entry.get("name")), same.options)
    return {"class_name": same.kind, "config": same.made(options), "name": entry.get("name"), "inbound_nodes": [called]}


def _places(entry: Mapping[str, Any], node: Any) -> dict[str, Any]:
    """A model of the layers that do it, one after the other."""
    _check_config(entry)
    keras_2, name = entry.get("class_name") == SLICING, plain_name(entry.get("name"))
    arguments = _sliced(node) if keras_2 else _arguments(node)
    if len(arguments) != 2 or not _is_tensor(arguments[0]) or (isinstance(node, dict) and node.get("kwargs")):
        raise _unreadable(entry, "its call is not one of a tensor and places")
    try:
        layers = as_open_layers(name, arguments[1]) if keras_2 else as_layers(name, *arguments)
    except ValueError as error:
        raise _unreadable(entry, f"it takes {shown(arguments[1])}; what is read here is {error}") from None
    config = {"name": name, "layers": layers}
    called = _call(node, arguments[:1])
    return {"class_name": "Sequential", "config": config, "name": name, "inbound_nodes": [called]}


def _sliced(node: Any) -> list[Any]:
    """The tensor and the places of Keras 2's call."""
    return [node[:3], node[3][SPEC]] if _is_call(node) and set(node[3]) == {SPEC} else []


def open_places(entry: Mapping[str, Any]) -> Any:
    """The places of an operation that `as_layer` took, where its layers still need the shape of its tensor; or None."""
    return _sliced(_nodes(entry)[0])[1] if entry.get("class_name") == SLICING else None


def _tensorflow_call(entry: Mapping[str, Any], node: Any) -> tuple[Any, dict[str, Any]]:
    """The same call without options, and those by Keras' names. Of several tensors each has them all."""
    tensors = [node] if _is_call(node) else node
    if not isinstance(tensors, list) or not tensors or not all(map(_is_call, tensors)):
        raise _unreadable(entry, "its call is not one of tensors alone")
    if any(each[3] != tensors[0][3] for each in tensors):
        raise _unreadable(entry, "its call is not one of tensors alone")
    function = KERAS_2_FUNCTIONS[_config(entry)["function"]]
    said = {key: value for key, value in tensors[0][3].items() if value is not None and key != "name"}
    if set(said) - set(function.options):
        raise _unreadable(entry, f"it takes {shown(min(set(said) - set(function.options)))} besides")
    return _call(node, [each[:3] for each in tensors]), {
        **function.defaults,
        **{function.options[key]: value for key, value in said.items()},
    }


def _check_config(entry: Mapping[str, Any], options: Mapping[str, Any] = {}) -> None:
    """An operation has a name and its options and nothing else, TensorFlow's also what it calls."""
    config = _config(entry)
    check_precision(config, str(entry.get("name")))
    unknown = (set(entry) - set(ENTRY_KEYS)) | (set(config) - {"name", "dtype", "trainable", "function", *options})
    if config.get("name") not in (None, entry.get("name")):
        unknown.add("name")
    if unknown:
        raise _unreadable(entry, f"it has {shown(min(unknown))} besides")


def _config(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    config = entry.get("config")
    return config if isinstance(config, dict) else {}


def _operation(entry: Mapping[str, Any]) -> str | None:
    """The name in OPERATIONS or FUNCTIONS; None for anything else."""
    name = entry.get("class_name")
    if name == TENSORFLOW:
        function = _config(entry).get("function")
        if not isinstance(function, str):
            return None
        return KERAS_2_FUNCTIONS[function].name if function in KERAS_2_FUNCTIONS else KERAS_2.get(function)
    if name == SLICING:
        return PLACES if _config(entry).get("function") == SLICED else None
    known = isinstance(name, str) and (name in OPERATIONS or name in FUNCTIONS or name == PLACES)
    return name if known else None


def _nodes(entry: Mapping[str, Any]) -> list[Any]:
    nodes = entry.get("inbound_nodes")
    return nodes if isinstance(nodes, list) else []


def _arguments(node: Any) -> list[Any]:
    """What one call takes: Keras 3's args, or Keras 2's [layer, node, tensor, {"y": the other one}].

    A number before a tensor is in Keras 2 a layer called _CONSTANT_VALUE whose tensor index is the number.
    """
    if isinstance(node, dict):
        arguments = node.get("args")
        return arguments if isinstance(arguments, list) else []
    if not (isinstance(node, list) and len(node) == 4 and isinstance(node[3], dict)):
        return []
    first, others = node[:3], {key: value for key, value in node[3].items() if key != "name"}
    if set(others) != {"y"}:
        return []
    return [first[2] if first[:2] == ["_CONSTANT_VALUE", -1] else first, others["y"]]


def _call(node: Any, tensors: list[Any]) -> Any:
    """The same call, of these tensors alone."""
    if isinstance(node, dict):
        return {**node, "args": [tensors] if len(tensors) > 1 else tensors}
    return [[*tensor, {}] for tensor in tensors]


def _is_call(value: Any) -> bool:
    """[layer, node, tensor, {arguments by name}]."""
    return isinstance(value, list) and len(value) == 4 and _is_tensor(value[:3]) and isinstance(value[3], dict)


def _is_tensor(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("class_name") == "__keras_tensor__"
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)


def _rescaling(
    entry: Mapping[str, Any], scaling: Callable[[float], tuple[float, float]] | None, number: Any
) -> dict[str, Any]:
    if scaling is None:
        raise _unreadable(entry, "it divides by a tensor")
    try:
        scale, offset = scaling(read.number(number))
    except ValueError as error:
        raise _unreadable(entry, f"it takes {shown(number)}; what is read here is {error} or a tensor") from None
    return {"scale": scale, "offset": offset}


def _unreadable(entry: Mapping[str, Any], why: str) -> ModelRefused:
    return ModelRefused(
        f"layer {shown(entry.get('name'))} is the operation {shown(entry.get('class_name'))}, and {why}: put Keras' "
        "layers of the same meaning in its place (Rescaling, Normalization, Add, ...) and save the model again"
    )
