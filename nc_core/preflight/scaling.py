"""Is a net provably the same one in 0..1 and in 0..255?"""

from collections.abc import Callable, Mapping
from typing import Any

from nc_core.intake.canonical import CanonicalModel, Layer
from nc_core.models.head import strip_head

Check = Callable[[Mapping[str, Any]], bool]


def _always(_: Mapping[str, Any]) -> bool:
    return True


def _linear(options: Mapping[str, Any]) -> bool:
    return options.get("activation", "linear") in ("linear", "relu")


def _plain_relu(options: Mapping[str, Any]) -> bool:
    return options["max_value"] is None and options["threshold"] == 0


def _no_offset(options: Mapping[str, Any]) -> bool:
    offset = options["offset"]
    return not any(offset) if isinstance(offset, list) else offset == 0


HOMOGENEOUS: Mapping[str, Check] = {
    **dict.fromkeys(
        ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose", "Dense", "Activation"), _linear
    ),
    "ReLU": _plain_relu,
    "Rescaling": _no_offset,
    **dict.fromkeys(
        (
            *("LeakyReLU", "PReLU", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D"),
            *("Flatten", "Reshape", "Permute", "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout"),
            *("Add", "Subtract", "Average", "Maximum", "Minimum", "Concatenate"),
            *("ZeroPadding2D", "Cropping2D", "UpSampling2D"),
        ),
        _always,
    ),
}
"""Layers f with f(c x) = c f(x) for every c > 0, where their biases are zero and the check of their options holds."""


def same_at_any_scale(model: CanonicalModel) -> bool:
    """Whether the net gives an image and the same image times any c > 0 the same label, as far as its form proves it.

    True where every layer up to the logits is positively homogeneous and no bias is set: then the logits are those of
    the image times c, and so is every attack success rate.
    """
    logits = strip_head(model)
    return all(_homogeneous(logits, layer) for layer in logits.layers)


def _homogeneous(model: CanonicalModel, layer: Layer) -> bool:
    check = HOMOGENEOUS.get(layer.kind)
    unbiased = not any(model.weights[key].any() for key in layer.weights if key.endswith("/bias"))
    return unbiased and check is not None and check(layer.options)
