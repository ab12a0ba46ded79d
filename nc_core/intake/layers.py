"""The allow-list: every layer class that is read, the plain options kept of it, and its weight arrays.

A class stands here because its output is a fixed arithmetic function of its inputs, options and weights: no
code, no files, no state. Everything else of a layer's configuration (initialisers, regularisers,
constraints, seeds, dtype policies) says nothing about what a trained net computes and is dropped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nc_core.intake import options as read

REQUIRED = object()


@dataclass(frozen=True)
class Option:
    """How one option is read; `default` where the file leaves it out, `old_name` as Keras 2 called it."""

    reader: read.Reader
    default: Any = REQUIRED
    old_name: str | None = None
    kept: bool = True


Weights = Callable[[Mapping[str, Any]], tuple[str, ...]]


def _always(*names: str) -> Weights:
    """The same weight names whatever the options."""
    return lambda _: names


NO_WEIGHTS = _always()


@dataclass(frozen=True)
class Kind:
    """One class: its options and, given those, the names of its weight arrays in Keras' own order."""

    options: Mapping[str, Option]
    weights: Weights = NO_WEIGHTS


def _named(*names: str) -> Weights:
    """Weight names, the bias only where the layer has one."""
    return lambda options: (*names, *(("bias",) if options["use_bias"] else ()))


def _moments(*moving: str) -> Weights:
    return lambda options: (
        *(("gamma",) if options["scale"] else ()),
        *(("beta",) if options["center"] else ()),
        *moving,
    )


FORMAT = {"data_format": Option(read.channels_last, "channels_last")}
PADDING = {"padding": Option(read.one_of("valid", "same"), "valid")}
ACTIVE = {"activation": Option(read.activation, "linear"), "use_bias": Option(read.flag, True)}
KERNEL = {
    "kernel_size": Option(read.pair),
    "strides": Option(read.pair, [1, 1]),
    "dilation_rate": Option(read.pair, [1, 1]),
    **PADDING,
    **FORMAT,
    **ACTIVE,
}
DEPTH = {"depth_multiplier": Option(read.count, 1)}
SCALED = {"center": Option(read.flag, True), "scale": Option(read.flag, True)}
POOL = {
    "pool_size": Option(read.pair, [2, 2]),
    "strides": Option(read.optional(read.pair), None),
    **PADDING,
    **FORMAT,
}
GLOBAL = {"keepdims": Option(read.flag, False), **FORMAT}
MERGE = Kind({})

KINDS: Mapping[str, Kind] = {
    "Conv2D": Kind({"filters": Option(read.count), "groups": Option(read.count, 1), **KERNEL}, _named("kernel")),
    "DepthwiseConv2D": Kind({**DEPTH, **KERNEL}, _named("kernel")),
    "SeparableConv2D": Kind(
        {"filters": Option(read.count), **DEPTH, **KERNEL}, _named("depthwise_kernel", "pointwise_kernel")
    ),
    "Conv2DTranspose": Kind(
        {
            "filters": Option(read.count),
            "output_padding": Option(read.optional(read.pair), None),
            "groups": Option(lambda value: read.off(value != 1), 1, kept=False),
            **KERNEL,
        },
        _named("kernel"),
    ),
    "Dense": Kind({"units": Option(read.count), **ACTIVE}, _named("kernel")),
    "BatchNormalization": Kind(
        {
            "axis": Option(read.axis, -1),
            "momentum": Option(read.number, 0.99),
            "epsilon": Option(read.positive, 1e-3),
            "renorm": Option(read.off, False, kept=False),
            "virtual_batch_size": Option(read.off, None, kept=False),
            **SCALED,
        },
        _moments("moving_mean", "moving_variance"),
    ),
    "LayerNormalization": Kind(
        {
            "axis": Option(read.axes, [-1]),
            "epsilon": Option(read.positive, 1e-3),
            "rms_scaling": Option(read.off, False, kept=False),
            **SCALED,
        },
        _moments(),
    ),
    "Activation": Kind({"activation": Option(read.activation)}),
    "ReLU": Kind(
        {
            "max_value": Option(read.optional(read.number), None),
            "negative_slope": Option(read.number, 0.0),
            "threshold": Option(read.number, 0.0),
        }
    ),
    "LeakyReLU": Kind({"negative_slope": Option(read.number, 0.3, "alpha")}),
    "ELU": Kind({"alpha": Option(read.number, 1.0)}),
    "PReLU": Kind({"shared_axes": Option(read.optional(read.axes), None)}, _always("alpha")),
    "Softmax": Kind({"axis": Option(read.axes, [-1])}),
    "MaxPooling2D": Kind(POOL),
    "AveragePooling2D": Kind(POOL),
    "GlobalAveragePooling2D": Kind(GLOBAL),
    "GlobalMaxPooling2D": Kind(GLOBAL),
    "Flatten": Kind(FORMAT),
    "Reshape": Kind({"target_shape": Option(read.sizes)}),
    "Permute": Kind({"dims": Option(read.axes)}),
    "Dropout": Kind({"rate": Option(read.rate), "noise_shape": Option(read.optional(read.noise_shape), None)}),
    "SpatialDropout2D": Kind({"rate": Option(read.rate), "noise_shape": Option(read.off, None, kept=False), **FORMAT}),
    "GaussianNoise": Kind({"stddev": Option(read.number)}),
    "GaussianDropout": Kind({"rate": Option(read.rate)}),
    "Add": MERGE,
    "Subtract": MERGE,
    "Multiply": MERGE,
    "Average": MERGE,
    "Maximum": MERGE,
    "Minimum": MERGE,
    "Concatenate": Kind({"axis": Option(read.axis, -1)}),
    "ZeroPadding2D": Kind({"padding": Option(read.borders, [[1, 1], [1, 1]]), **FORMAT}),
    "Cropping2D": Kind({"cropping": Option(read.borders, [[0, 0], [0, 0]]), **FORMAT}),
    "UpSampling2D": Kind(
        {
            "size": Option(read.pair, [2, 2]),
            "interpolation": Option(read.one_of("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"), "nearest"),
            **FORMAT,
        }
    ),
    "Rescaling": Kind({"scale": Option(read.numbers), "offset": Option(read.numbers, 0.0)}),
    "Normalization": Kind(
        {
            "axis": Option(read.optional(read.axes), [-1]),
            "mean": Option(read.optional(read.numbers), None),
            "variance": Option(read.optional(read.numbers), None),
            "invert": Option(read.flag, False),
        },
        lambda options: () if options["mean"] is not None else ("mean", "variance"),
    ),
}
