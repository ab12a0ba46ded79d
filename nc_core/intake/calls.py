"""Who calls whom in a Functional model: inbound nodes of Keras 2 (lists) and 3 (args and kwargs)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.tree import Call, Ref
from nc_core.intake.wording import shown

RawRef = tuple[str, int, int]
"""[layer, node index, tensor index] as the file says it."""


@dataclass(frozen=True)
class Callees:
    """Call counts of a model's layers, class names of those that are models, Keras' version, and the layers whose calls
    Keras 3 notes as those of training although a net that answers has the last word.
    """

    calls: Mapping[str, int]
    nested: Mapping[str, str]
    keras: int
    training: frozenset[str] = frozenset()

    def ref(self, raw: RawRef, *, first: int) -> Ref:
        """A raw reference as (name, call). `first` is the index of a nested model's first call.

        A model has a node of its own from its creation, which the files count in some places and not in
        others; where it is called once, either index means that call.
        """
        name, index, tensor = raw
        count = max(self.calls.get(name, 0), 1)
        if name not in self.calls:
            raise ModelRefused(
                f"the model's graph names the layer {shown(name)}, which it does not have: save the model again"
            )
        if name in self.nested:
            index = 0 if count == 1 and index in (0, 1) else index - first
        if tensor != 0 or not 0 <= index < count:
            raise ModelRefused(
                f"the model's graph takes output {tensor} of call {index} of layer {name!r}, which has "
                f"{count} calls of one output: save the model again"
            )
        return Ref(name=name, call=index)


def read_calls(nodes: list[Any], layer: str, callees: Callees) -> tuple[Call, ...]:
    """The calls of one layer, each with the tensors that it takes."""
    return tuple(
        _keras3(node, layer, callees) if isinstance(node, dict) else _keras2(node, layer, callees) for node in nodes
    )


def _keras2(node: Any, layer: str, callees: Callees) -> Call:
    """[[layer, node index, tensor index, kwargs], ...]; one input may stand without the outer list."""
    if isinstance(node, list) and node and isinstance(node[0], str):
        node = [node]
    if not isinstance(node, list) or not node:
        raise _unreadable(layer, node)
    for item in node:
        if isinstance(item, list) and len(item) == 4:
            _check_arguments(item[3], layer)
    return tuple(callees.ref(_raw(item[:3] if isinstance(item, list) else item, layer), first=1) for item in node)


def _keras3(node: Mapping[str, Any], layer: str, callees: Callees) -> Call:
    """{"args": [tensor or list of tensors], "kwargs": {...}}."""
    kwargs = node.get("kwargs")
    if layer in callees.training and callees.keras >= 3 and isinstance(kwargs, dict) and kwargs.get("training") is True:
        kwargs = {**kwargs, "training": None}
    _check_arguments(kwargs, layer)
    args = node.get("args")
    if not isinstance(args, list) or len(args) != 1:
        raise _unreadable(layer, args)
    tensors = args[0] if isinstance(args[0], list) else [args[0]]
    if isinstance(args[0], list) and len(args[0]) < 2 and layer not in callees.nested:
        raise _unreadable(layer, args)  # one tensor in a list gets one axis more
    return tuple(callees.ref(_raw(_history(tensor, layer), layer), first=0) for tensor in tensors)


def _history(tensor: Any, layer: str) -> Any:
    if not isinstance(tensor, dict) or tensor.get("class_name") != "__keras_tensor__":
        raise _unreadable(layer, tensor)
    config = tensor.get("config")
    return config.get("keras_history") if isinstance(config, dict) else None


def _check_arguments(kwargs: Any, layer: str) -> None:
    """Only `training` off and `mask` none may be passed: they are what inference has anyway."""
    if not isinstance(kwargs, dict) or not all(map(_says_nothing, kwargs.values())):
        raise ModelRefused(
            f"layer {layer!r} is called with the arguments {shown(kwargs)}; read here are calls with "
            "tensors alone: rebuild the net without them"
        )


def _says_nothing(value: Any) -> bool:
    """None or false; of a model with several inputs, None for each."""
    return value is None or value is False or (isinstance(value, list) and all(each is None for each in value))


def _raw(value: Any, where: str) -> RawRef:
    if isinstance(value, list) and len(value) == 3:
        name, index, tensor = value
        if isinstance(name, str) and _is_index(index) and _is_index(tensor):
            return name, index, tensor
    raise _unreadable(where, value)


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def read_refs(value: Any, what: str) -> list[tuple[str, RawRef]]:
    """`input_layers` or `output_layers`: one reference, a list of them, or an object of them; each with its name.

    The name is that in the object, else that of the layer, as Keras has it.
    """
    if isinstance(value, list) and value and isinstance(value[0], str):
        value = [value]
    if not isinstance(value, list | dict) or not value:
        raise ModelRefused(f"the {what} are {shown(value)}, not a list of layers: save the model again")
    named = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    flat = [(name, item[0] if isinstance(item, list) and len(item) == 1 else item) for name, item in named]
    return [(raw[0] if name is None else name, raw) for name, item in flat for raw in [_raw(item, what)]]


def output_refs(value: Any, model: str, callees: Callees) -> dict[str, Ref]:
    """The outputs of a model by name, in its order."""
    found: dict[str, Ref] = {}
    for name, raw in read_refs(value, f"outputs of model {model!r}"):
        if name in found:
            raise ModelRefused(f"model {model!r} has two outputs of the name {shown(name)}: save it with one of them")
        found[name] = _output_ref(raw, model, callees)
    return found


def _output_ref(raw: RawRef, model: str, callees: Callees) -> Ref:
    name = raw[0]
    if callees.keras < 3 and callees.nested.get(name) == "Sequential" and callees.calls.get(name, 0) > 1:
        raise ModelRefused(
            f"the output of model {model!r} is one of several of {name!r}, and Keras 2 and 3 count them differently: "
            "load it where you trust it and save it again with Keras 3"
        )
    # Here a model's own node is counted, except that Keras 3 has none for a Sequential.
    return callees.ref(raw, first=0 if callees.keras >= 3 and callees.nested.get(name) == "Sequential" else 1)


def _unreadable(layer: str, value: object) -> ModelRefused:
    return ModelRefused(
        f"{layer!r} in the model's graph is wired to {shown(value)}; read here are tensors of other layers "
        "alone: rebuild the net from Keras' layers"
    )
