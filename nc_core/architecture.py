"""A net without what it has learned: its architecture alone, the same for every net of the same build."""

from dataclasses import replace

import numpy as np

from nc_core.intake import CanonicalModel

GIVEN = ("Normalization",)
"""Layers whose arrays are no weights that a training finds: statistics of the data, set beforehand."""


def architecture_of(model: CanonicalModel) -> CanonicalModel:
    """The same net with all weights zero and its layers named by their place.

    Nets that were trained one after another in one process differ in the names that Keras gives their layers, and in
    nothing else: here they are one.
    """
    names = [f"layer_{number}" for number in range(len(model.layers))]
    layers, weights = [], {}
    for name, layer in zip(names, model.layers, strict=True):
        keys = [f"{name}/{key.removeprefix(f'{layer.name}/')}" for key in layer.weights]
        for key, old in zip(keys, layer.weights, strict=True):
            array = model.weights[old]
            weights[key] = array if layer.kind in GIVEN else np.zeros_like(array)
        layers.append(replace(layer, name=name, weights=tuple(keys)))
    return replace(model, layers=tuple(layers), weights=weights)
