"""Output and weight shapes of the layers that slide a window over an image or change its size."""

from collections.abc import Mapping, Sequence
from typing import Any

Shape = tuple[int, ...]
WeightShapes = dict[str, Shape]
Options = Mapping[str, Any]


def image(inputs: Sequence[Shape]) -> tuple[int, int, int]:
    """(H, W, C) of the one input; ValueError where it is no image."""
    if len(inputs[0]) != 3:
        raise ValueError(f"it takes images (H, W, C) and its input has the shape {inputs[0]}")
    height, width, channels = inputs[0]
    return height, width, channels


def _slide(size: int, window: int, stride: int, padding: str) -> int:
    """How often a window fits along one direction."""
    return -(-size // stride) if padding == "same" else (size - window) // stride + 1


def _slid(options: Options, size: tuple[int, int], window: Sequence[int]) -> tuple[int, int]:
    strides = options["strides"] or window
    dilation = options.get("dilation_rate", [1, 1])
    if max(strides) > 1 and max(dilation) > 1:
        raise ValueError(f"strides {strides} and dilation_rate {dilation} cannot both exceed 1")
    rows, columns = (
        _slide(size[i], (window[i] - 1) * dilation[i] + 1, strides[i], options["padding"]) for i in range(2)
    )
    return rows, columns


def bias(options: Options, channels: int) -> WeightShapes:
    """One bias a channel, where the layer has one."""
    return {"bias": (channels,)} if options["use_bias"] else {}


def conv(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    """Kernel (kh, kw, C / groups, filters)."""
    height, width, channels = image(inputs)
    kernel, filters, groups = options["kernel_size"], options["filters"], options["groups"]
    if channels % groups or filters % groups:
        raise ValueError(f"{groups} groups divide neither {channels} channels nor {filters} filters evenly")
    output = (*_slid(options, (height, width), kernel), filters)
    return output, {"kernel": (*kernel, channels // groups, filters), **bias(options, filters)}


def depthwise(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    """Kernel (kh, kw, C, multiplier): every channel by itself."""
    height, width, channels = image(inputs)
    kernel, multiplier = options["kernel_size"], options["depth_multiplier"]
    out = channels * multiplier
    output = (*_slid(options, (height, width), kernel), out)
    return output, {"kernel": (*kernel, channels, multiplier), **bias(options, out)}


def separable(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    """A depthwise kernel (kh, kw, C, multiplier), then a pointwise one (1, 1, C * multiplier, filters)."""
    height, width, channels = image(inputs)
    kernel, multiplier, filters = options["kernel_size"], options["depth_multiplier"], options["filters"]
    weights = {
        "depthwise_kernel": (*kernel, channels, multiplier),
        "pointwise_kernel": (1, 1, channels * multiplier, filters),
        **bias(options, filters),
    }
    return (*_slid(options, (height, width), kernel), filters), weights


def transpose(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    """Kernel (kh, kw, filters, C)."""
    *size, channels = image(inputs)
    kernel, filters, extra = options["kernel_size"], options["filters"], options["output_padding"]
    if extra and any(more >= stride for more, stride in zip(extra, options["strides"], strict=True)):
        raise ValueError(f"output_padding {extra} is not below the strides {options['strides']}")
    rows, columns = (
        _spread(
            size[i],
            (kernel[i] - 1) * options["dilation_rate"][i] + 1,
            options["strides"][i],
            options["padding"],
            extra[i] if extra else None,
        )
        for i in range(2)
    )
    return (rows, columns, filters), {"kernel": (*kernel, filters, channels), **bias(options, filters)}


def _spread(size: int, window: int, stride: int, padding: str, extra: int | None) -> int:
    """Output length of a transposed convolution along one direction."""
    if padding == "same":
        return size * stride if extra is None else (size - 1) * stride + window % 2 + extra
    return (size - 1) * stride + window + (max(window, stride) - window if extra is None else extra)


def pool(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    """Maximum or average within a window."""
    height, width, channels = image(inputs)
    return (*_slid(options, (height, width), options["pool_size"]), channels), {}


def pad(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    """Zeros around."""
    height, width, channels = image(inputs)
    rows, columns = options["padding"]
    return (height + sum(rows), width + sum(columns), channels), {}


def crop(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    """Borders away."""
    height, width, channels = image(inputs)
    rows, columns = options["cropping"]
    return (height - sum(rows), width - sum(columns), channels), {}


def upsample(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    """Every pixel repeated or interpolated."""
    height, width, channels = image(inputs)
    rows, columns = options["size"]
    return (height * rows, width * columns, channels), {}


def global_pool(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    """Maximum or average of the whole image."""
    channels = image(inputs)[2]
    return ((1, 1, channels) if options["keepdims"] else (channels,)), {}
