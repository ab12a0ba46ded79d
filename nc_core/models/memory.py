"""How much memory the activations of a net take."""

from math import prod
from typing import Any

import keras

from nc_core.intake.effort import WORKING_OPTIONS, working_values


def activation_floats(model: keras.Model) -> int:
    """The sum of the output sizes of all layers for one image, in float32 values; a layer counts once for
    every call.
    """
    return sum(_layer_floats(layer, working=False) for layer in model.layers)


def forward_floats(model: keras.Model) -> int:
    """The same, with what layers hold beside their outputs."""
    return sum(_layer_floats(layer, working=True) for layer in model.layers)


def _layer_floats(layer: Any, *, working: bool) -> int:
    # A shared layer has no single `output`; its inbound nodes are the only place that lists all of its calls.
    nodes = layer._inbound_nodes
    if isinstance(layer, keras.Model):
        return max(1, len(nodes)) * (forward_floats(layer) if working else activation_floats(layer))
    floats = sum(prod(_shape(tensor)) for node in nodes for tensor in node.outputs)
    return floats + (sum(_working(layer, node) for node in nodes) if working else 0)


def _working(layer: Any, node: Any) -> int:
    if not node.input_tensors:
        return 0
    # Not `get_config`: Keras loads TensorFlow to write a configuration, whatever its backend.
    options = {name: getattr(layer, name) for name in WORKING_OPTIONS if hasattr(layer, name)}
    activation = options.get("activation")
    options["activation"] = getattr(activation, "__name__", activation)
    return working_values(type(layer).__name__, options, _shape(node.input_tensors[0]), _shape(node.outputs[0]))


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(size or 1 for size in tensor.shape[1:])
