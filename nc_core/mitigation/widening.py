"""A net with one output more: the last Dense layer gains a class."""

from dataclasses import replace

import numpy as np

from nc_core.errors import OptionRefused
from nc_core.intake import CanonicalModel, Layer
from nc_core.intake.head import final_node


def widened(model: CanonicalModel, *, like: int) -> CanonicalModel:
    """The net with N + 1 outputs; the new one begins as a copy of the output `like`.

    Raises OptionRefused for a net that does not end in a Dense layer, or that tells two classes by one output.
    """
    layer = _scores(model)
    weights = dict(model.weights)
    for key in layer.weights:
        array = weights[key]
        weights[key] = np.concatenate([array, array[..., like : like + 1]], axis=-1)
    classes = model.classes + 1
    changed = replace(layer, options={**layer.options, "units": classes})
    layers = tuple(changed if each is layer else each for each in model.layers)
    return replace(model, layers=layers, weights=weights, classes=classes)


def _scores(model: CanonicalModel) -> Layer:
    """The Dense layer whose units are the classes: the last layer, or the one that a softmax of its own follows."""
    node = final_node(model.layers, model.nodes, model.output)
    if (layer := _layer(model, node)) is not None and layer.kind in ("Softmax", "Activation"):
        layer = _layer(model, final_node(model.layers, model.nodes, model.nodes[node].inputs[0]))
    if layer is None or layer.kind != "Dense" or layer.options["units"] != model.classes:
        raise OptionRefused(
            "retraining gives the net an output for poisoned images, and this one does not end in a Dense layer with "
            "one output a class: pass another --mitigate"
        )
    return layer


def _layer(model: CanonicalModel, node: int) -> Layer | None:
    number = model.nodes[node].layer
    return None if number is None else model.layers[number]
