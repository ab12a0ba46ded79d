"""How much memory the activations of a net take."""

from math import prod
from typing import Any

import keras


def activation_floats(model: keras.Model) -> int:
    """The sum of the output sizes of all layers for one image, in float32 values; a layer counts once for
    every call.
    """
    return sum(_layer_floats(layer) for layer in model.layers)


def _layer_floats(layer: Any) -> int:
    # A shared layer has no single `output`; its inbound nodes are the only place that lists all of its calls.
    nodes = layer._inbound_nodes
    if isinstance(layer, keras.Model):
        return max(1, len(nodes)) * activation_floats(layer)
    return sum(prod(size or 1 for size in tensor.shape[1:]) for node in nodes for tensor in node.outputs)
