"""What one call of a layer needs beside its output and its weights: from its kind, options and shapes alone.

A file of a few kilobytes can name a layer whose output is small and whose work is not. Factors were measured with
TensorFlow on processors, one layer at a time, forward and for the gradient.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

from nc_core.intake.windows import Options, Shape, WeightShapes

CURVED = {"gelu": 1.6, "silu": 1.0, "hard_silu": 1.0, "elu": 1.0, "selu": 1.0, "softplus": 1.0, "exponential": 0.5}
"""Values that activation functions keep for each one that they put out."""
KINDS = {"LayerNormalization": 2.1, "GroupNormalization": 1.1, "UnitNormalization": 1.1, "PReLU": 0.7, "ELU": 1.0}
RESIZED = {"nearest": 0.0, "bilinear": 0.5, "bicubic": 0.5, "lanczos3": 3.0, "lanczos5": 5.0}
WORKING_OPTIONS = ("activation", "interpolation", "depth_multiplier", "dilation_rate", "kernel_size", "padding")
"""Options that `working_values` goes by."""
KERNELS = frozenset({"Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose", "Dense"})


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Of one image. working: values held beside the output. multiply_adds: multiplications with additions.

    window_reads: values that pooling reads, each as often as a window holds it. grouped: values that the gradient of a
    grouped convolution goes over on a processor: its whole output once for every group and place of the window.
    """

    working: int
    multiply_adds: int
    window_reads: int
    grouped: int


def effort(kind: str, options: Options, source: Shape, output: Shape, weights: WeightShapes) -> Effort:
    """Of one call. source: shape of the first input; output: without the batch axis, too. weights: by name."""
    return Effort(
        working=working_values(kind, options, source, output),
        multiply_adds=_multiply_adds(kind, options, source, output, weights),
        window_reads=prod(output) * prod(options["pool_size"]) if "pool_size" in options else 0,
        grouped=_grouped(options, source, output) if kind in KERNELS else 0,
    )


def _grouped(options: Options, source: Shape, output: Shape) -> int:
    groups = options.get("groups", 1)
    # As many groups as channels is a convolution of every channel by itself, which has a quick way of its own.
    if groups in (1, source[-1]):
        return 0
    return prod(output) * groups * prod(options["kernel_size"])


def working_values(kind: str, options: Options, source: Shape, output: Shape) -> int:
    """Values that a call holds while it computes and for its gradient, beside its output."""
    held = prod(output) * (KINDS.get(kind, 0.0) + CURVED.get(_activation(options), 0.0))
    if kind == "UpSampling2D":
        held += prod(output) * RESIZED[options["interpolation"]]
    if kind == "SeparableConv2D":
        held += prod(output[:-1]) * source[-1] * options["depth_multiplier"]
    if max(options.get("dilation_rate", (1,))) > 1:
        held += _spread_out(options, source, output)
    return int(held)


def _activation(options: Options) -> Any:
    name = options.get("activation")
    return name if isinstance(name, str) else None


def _spread_out(options: Options, source: Shape, output: Shape) -> int:
    """A dilated convolution is done on as many small images as the dilation has places, each padded to equal size."""
    padded, fitting = 1, 1
    for size, window, dilation in zip(source, options["kernel_size"], options["dilation_rate"], strict=False):
        around = (window - 1) * dilation if options["padding"] == "same" else 0
        each = -(-(size + around) // dilation)
        padded *= each * dilation
        fitting *= max(each - window + 1, 1) * dilation
    # Twice: taking it apart and putting it together again.
    return int(2 * (padded * source[-1] + fitting * output[-1]))


def _multiply_adds(kind: str, options: Options, source: Shape, output: Shape, weights: WeightShapes) -> int:
    """A kernel is applied at every place of the output, a transposed one at every place of the input."""
    if kind == "Dot":
        return prod(output) * source[options["axes"][0] - 1]
    if kind not in KERNELS:
        return 0
    places = prod((source if kind == "Conv2DTranspose" else output)[:-1])
    return places * sum(prod(shape) for shape in weights.values() if len(shape) > 1)
