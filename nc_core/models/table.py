"""Class name -> constructor from the plain options of the canonical form."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import keras

from nc_core.intake import Layer

_ZEROS: Mapping[str, Mapping[str, str]] = {
    "Conv2D": {"kernel_initializer": "zeros"},
    "DepthwiseConv2D": {"depthwise_initializer": "zeros"},
    "SeparableConv2D": {"depthwise_initializer": "zeros", "pointwise_initializer": "zeros"},
    "Conv2DTranspose": {"kernel_initializer": "zeros"},
    "Dense": {"kernel_initializer": "zeros"},
}
"""Weights are set right after building; drawing random ones first would only cost time."""

_PLAIN = [
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "UnitNormalization",
    "Activation",
    "ReLU",
    "LeakyReLU",
    "ELU",
    "PReLU",
    "Softmax",
    "MaxPooling2D",
    "AveragePooling2D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "Flatten",
    "Reshape",
    "Permute",
    "Dropout",
    "SpatialDropout2D",
    "GaussianNoise",
    "GaussianDropout",
    "Add",
    "Subtract",
    "Multiply",
    "Average",
    "Maximum",
    "Minimum",
    "Dot",
    "Concatenate",
    "ZeroPadding2D",
    "Cropping2D",
    "UpSampling2D",
    "Rescaling",
    "Normalization",
]

CONSTRUCTORS: Mapping[str, Any] = {
    **{kind: partial(getattr(keras.layers, kind), **zeros) for kind, zeros in _ZEROS.items()},
    **{kind: getattr(keras.layers, kind) for kind in _PLAIN},
}


def construct(layer: Layer) -> Any:
    """The Keras layer, not yet built. Always float32: the global policy of this process must not reach it."""
    return CONSTRUCTORS[layer.kind](name=layer.name, dtype="float32", **layer.options)
