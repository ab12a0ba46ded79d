"""Canonical model -> Keras net."""

import sys
from typing import Any

import keras

from nc_core.intake import CanonicalModel, Layer
from nc_core.models.head import strip_head
from nc_core.models.table import construct


def build(model: CanonicalModel) -> keras.Model:
    """The submitted net: images (n, H, W, C) in its own input domain -> its own outputs.

    It holds Keras' own layers alone and keeps their names, so that what `save` writes loads with plain Keras.
    """
    # Keras walks through a graph by recursion, one or two calls for every layer that lies behind another.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000 + 3 * len(model.nodes)))
    image = keras.Input(model.input_shape, dtype="float32", name=_input_name(model))
    layers = [construct(layer) for layer in model.layers]
    values: list[Any] = [image]
    for node in model.nodes[1:]:
        if node.layer is None:
            raise ValueError("only node 0 of a canonical model is the image")
        inputs = [values[source] for source in node.inputs]
        values.append(layers[node.layer](inputs if len(inputs) > 1 else inputs[0]))
    for layer, built in zip(model.layers, layers, strict=True):
        set_weights(model, layer, built)
    return keras.Model(image, values[model.output], name="classifier")


def build_logits(model: CanonicalModel) -> keras.Model:
    """Like `build` with N linear outputs (n, N): the head is taken off, see `strip_head`."""
    return build(strip_head(model))


def set_weights(model: CanonicalModel, layer: Layer, built: Any) -> None:
    """Give a built Keras layer the arrays of its canonical layer."""
    for variable, key in zip(built.weights, layer.weights, strict=False):
        variable.assign(model.weights[key])
    if layer.kind == "Normalization":
        built.finalize_state()  # it divides by a copy of its weights


def _input_name(model: CanonicalModel) -> str:
    taken = {layer.name for layer in model.layers}
    name = "input"
    while name in taken:
        name += "_image"
    return name
