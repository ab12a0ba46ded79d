"""Keras nets of our own -> canonical models."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import keras
import numpy as np

from nc_core.intake import CanonicalModel, read_model
from nc_core.reading import Reading


def canonical_of(model: keras.Model, **reading: Unpack[Reading]) -> CanonicalModel:
    """The canonical model of a Keras net, read as a submitted file is; raises ModelRefused likewise.

    reading: as for `read_model`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return read_model(path, **reading)


def with_weights(canonical: CanonicalModel, model: keras.Model) -> CanonicalModel:
    """`canonical` with the weights of `model`, a net that `build` or `build_logits` made of it; same head.

    Layers are matched by name. Raises ValueError where `model` lacks one or has another shape.
    """
    weights = {}
    for layer in canonical.layers:
        if not layer.weights:
            continue
        variables = model.get_layer(layer.name).weights
        if len(variables) < len(layer.weights):
            raise ValueError(f"layer {layer.name!r} has {len(variables)} arrays, expected {len(layer.weights)}")
        for variable, key in zip(variables, layer.weights, strict=False):
            array = np.array(keras.ops.convert_to_numpy(variable), dtype=np.float32)
            if array.shape != canonical.weights[key].shape:
                raise ValueError(f"{key} has the shape {array.shape}, expected {canonical.weights[key].shape}")
            weights[key] = array
    return replace(canonical, weights=weights)
