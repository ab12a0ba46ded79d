"""The allow-list: every layer class that is read, the plain options kept of it, and its weight arrays.

A class stands here because its output is a fixed arithmetic function of its inputs, options and weights: no code, no
files, no state. Its line says which function. What it costs is known before anything is built: `shapes.py` and
`windows.py` infer its output and its weights, and `limits.py` bounds their sums. Everything else of a layer's
configuration (initialisers, regularisers, constraints, seeds, dtype policies) says nothing about what a trained net
computes and is dropped. The reasons for the types of its options stand with their readers, in `options.py`.
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
EQUAL = {**KERNEL, "strides": Option(read.equal, [1, 1])}
"""With other strides TensorFlow's depthwise convolution now and then answers the same image differently."""
UNGROUPED = {"groups": Option(lambda value: read.off(value != 1), 1, kept=False)}
"""Keras 2 wrote the groups of every convolution, also of those that know but one."""
DEPTH = {"depth_multiplier": Option(read.count, 1), **UNGROUPED}
SCALED = {"center": Option(read.flag, True), "scale": Option(read.flag, True)}
POOL = {
    "pool_size": Option(read.pair, [2, 2]),
    "strides": Option(read.optional(read.pair), None),
    **PADDING,
    **FORMAT,
}
GLOBAL = {"keepdims": Option(read.flag, False), **FORMAT}
MERGE = Kind({})
NOISE = {"rate": Option(read.rate)}

KINDS: Mapping[str, Kind] = {
    # Sums of products within a window; the cost is that of the output and the kernel, both inferred.
    "Conv2D": Kind({"filters": Option(read.count), "groups": Option(read.count, 1), **KERNEL}, _named("kernel")),
    # The same, every channel by itself.
    "DepthwiseConv2D": Kind({**DEPTH, **EQUAL}, _named("kernel")),
    # The two above in a row.
    "SeparableConv2D": Kind(
        {"filters": Option(read.count), **DEPTH, **EQUAL}, _named("depthwise_kernel", "pointwise_kernel")
    ),
    # The transpose of Conv2D's sum; groups, which only later versions of Keras know, are not read.
    "Conv2DTranspose": Kind(
        {
            "filters": Option(read.count),
            "output_padding": Option(read.optional(read.pair), None),
            **UNGROUPED,
            **KERNEL,
        },
        _named("kernel"),
    ),
    # A product with a matrix.
    "Dense": Kind({"units": Option(read.count), **ACTIVE}, _named("kernel")),
    # At inference a factor and a summand a channel, from four arrays; what would make it depend on a batch is refused.
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
    # Mean and variance of its own input; epsilon above 0, so that it divides by nothing smaller.
    "LayerNormalization": Kind(
        {
            "axis": Option(read.sorted_axes, [-1]),
            "epsilon": Option(read.positive, 1e-3),
            "rms_scaling": Option(read.off, False, kept=False),
            **SCALED,
        },
        _moments(),
    ),
    # The same for groups of channels.
    "GroupNormalization": Kind(
        {
            "groups": Option(read.groups, 32),
            "axis": Option(read.axis, -1),
            "epsilon": Option(read.positive, 1e-3),
            **SCALED,
        },
        _moments(),
    ),
    # Values over the root of the sum of their squares, which counts as 1e-12 where it is smaller.
    "UnitNormalization": Kind({"axis": Option(read.axes, [-1])}),
    # One function of a short list, see options.ACTIVATIONS.
    "Activation": Kind({"activation": Option(read.activation)}),
    # Value by value, linear in pieces.
    "ReLU": Kind(
        {
            "max_value": Option(read.optional(read.number), None),
            "negative_slope": Option(read.number, 0.0),
            "threshold": Option(read.number, 0.0),
        }
    ),
    # Value by value, linear in pieces.
    "LeakyReLU": Kind({"negative_slope": Option(read.number, 0.3, "alpha")}),
    # Value by value: x or alpha (e^x - 1).
    "ELU": Kind({"alpha": Option(read.number, 1.0)}),
    # Value by value, with slopes from an array.
    "PReLU": Kind({"shared_axes": Option(read.optional(read.counted_axes), None)}, _always("alpha")),
    # Exponentials over their sum.
    "Softmax": Kind({"axis": Option(read.axes, [-1])}),
    # The largest value of a window.
    "MaxPooling2D": Kind(POOL),
    # The mean of a window.
    "AveragePooling2D": Kind(POOL),
    # The mean of every channel.
    "GlobalAveragePooling2D": Kind(GLOBAL),
    # The largest value of every channel.
    "GlobalMaxPooling2D": Kind(GLOBAL),
    # The same values in one axis.
    "Flatten": Kind(FORMAT),
    # The same values in other axes, as many as before.
    "Reshape": Kind({"target_shape": Option(read.sizes)}),
    # The same values, axes in another order.
    "Permute": Kind({"dims": Option(read.axes)}),
    # Nothing at inference; in training zeros here and there, drawn from Keras' own generator.
    "Dropout": Kind({**NOISE, "noise_shape": Option(read.optional(read.noise_shape), None)}),
    # The same for whole channels.
    "SpatialDropout2D": Kind({**NOISE, "noise_shape": Option(read.off, None, kept=False), **FORMAT}),
    # Nothing at inference; in training a normal draw added.
    "GaussianNoise": Kind({"stddev": Option(read.number)}),
    # Nothing at inference; in training a normal draw as a factor.
    "GaussianDropout": Kind(NOISE),
    # Sums, place by place; here and below the inputs' shapes must fit.
    "Add": MERGE,
    # Differences of two inputs, place by place.
    "Subtract": MERGE,
    # Products, place by place.
    "Multiply": MERGE,
    # Means, place by place.
    "Average": MERGE,
    # The largest, place by place.
    "Maximum": MERGE,
    # The smallest, place by place.
    "Minimum": MERGE,
    # The product of two matrices, along an axis of each.
    "Dot": Kind({"axes": Option(read.dot_axes), "normalize": Option(read.off, False, kept=False)}),
    # The inputs side by side.
    "Concatenate": Kind({"axis": Option(read.axis, -1)}),
    # Zeros around; what they make of the image counts against the budget.
    "ZeroPadding2D": Kind({"padding": Option(read.borders, [[1, 1], [1, 1]]), **FORMAT}),
    # Borders away; something must be left.
    "Cropping2D": Kind({"cropping": Option(read.borders, [[0, 0], [0, 0]]), **FORMAT}),
    # Pixels repeated or interpolated by one of Keras' own rules; the larger image counts against the budget.
    "UpSampling2D": Kind(
        {
            "size": Option(read.pair, [2, 2]),
            "interpolation": Option(read.one_of("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"), "nearest"),
            **FORMAT,
        }
    ),
    # A factor and a summand.
    "Rescaling": Kind({"scale": Option(read.numbers), "offset": Option(read.numbers, 0.0)}),
    # The same from a mean and a variance, given or kept as arrays; `adapt`, which would read data, is never called.
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
