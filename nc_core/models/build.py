"""Canonical model -> Keras net."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from nc_core.errors import ModelRefused
from nc_core.intake import CanonicalModel, Layer
from nc_core.intake.names import INPUT
from nc_core.models.head import strip_head
from nc_core.models.table import construct

log = logging.getLogger(__name__)


def build(model: CanonicalModel) -> keras.Model:
    """The submitted net: images (n, H, W, C) in its own input domain -> its own outputs.

    It holds Keras' own layers alone and keeps their names, so that what `save` writes loads with plain Keras. Raises
    ModelRefused where Keras makes no net of it.
    """
    # Keras walks through a graph by recursion, one or two calls for every layer that lies behind another.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000 + 3 * len(model.nodes)))
    image = keras.Input(model.input_shape, dtype="float32", name=INPUT)
    layers = []
    for layer in model.layers:
        with _refused(layer):
            layers.append(construct(layer))
    values: list[Any] = [image]
    for node in model.nodes[1:]:
        if node.layer is None:
            raise ValueError("only node 0 of a canonical model is the image")
        inputs = [values[source] for source in node.inputs]
        with _refused(model.layers[node.layer]):
            values.append(layers[node.layer](inputs if len(inputs) > 1 else inputs[0]))
    for layer, built in zip(model.layers, layers, strict=True):
        set_weights(model, layer, built)
    return keras.Model(image, values[model.output], name="classifier")


@contextmanager
def _refused(layer: Layer) -> Iterator[None]:
    """The shape rules of intake are ours: where Keras' own differ, it is the net that cannot be built."""
    try:
        yield
    except (ValueError, TypeError, ArithmeticError) as error:
        log.warning("layer %s (%s) with %s: Keras refuses it", layer.name, layer.kind, layer.options, exc_info=True)
        raise ModelRefused(
            f"the net cannot be built: Keras {keras.__version__} does not take layer {layer.name!r} ({layer.kind}) "
            "with these options on this input; build it so that it does, copy the weights and save it again"
        ) from error


def build_logits(model: CanonicalModel) -> keras.Model:
    """Like `build` with N linear outputs (n, N): the head is taken off, see `strip_head`."""
    return build(strip_head(model))


def set_weights(model: CanonicalModel, layer: Layer, built: Any) -> None:
    """Give a built Keras layer the arrays of its canonical layer."""
    for variable, key in zip(built.weights, layer.weights, strict=False):
        variable.assign(model.weights[key])
    if layer.kind == "Normalization":
        built.finalize_state()  # it divides by a copy of its weights
