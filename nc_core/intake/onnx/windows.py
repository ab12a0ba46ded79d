"""Operators that slide a window over an image: convolutions and pooling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.values import Tensor
from nc_core.intake.onnx.wording import EXPORT

Pads = list[list[int]]
"""[[top, bottom], [left, right]]."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """size: of the window without dilation, by rows and columns, as all here. auto: auto_pad as the file has it."""

    size: list[int]
    strides: list[int]
    dilations: list[int]
    pads: Pads
    auto: str

    @property
    def span(self) -> list[int]:
        """The window's size, dilated."""
        return [(size - 1) * dilation + 1 for size, dilation in zip(self.size, self.dilations, strict=True)]


def read_window(call: Call, size: Sequence[int] | None) -> Window:
    """The attributes that all these operators share. size: of the kernel, where there is one."""
    kernel = _two(call, "kernel_shape", size)
    if size is not None and kernel != list(size):
        raise call.refused(f"has kernel_shape {kernel} and a kernel of {list(size)}", EXPORT)
    auto = call.attributes.word("auto_pad", "NOTSET")
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise call.refused("has an unknown auto_pad", EXPORT)
    given = call.attributes.wholes("pads")
    pads = given or [0, 0, 0, 0]
    if len(pads) != 4 or min(pads) < 0 or (auto != "NOTSET" and any(pads)):
        raise call.refused(f"has pads {pads} with auto_pad {auto}; read are four numbers of at least 0", EXPORT)
    return Window(
        size=kernel,
        strides=_two(call, "strides", [1, 1]),
        dilations=_two(call, "dilations", [1, 1]),
        pads=[[pads[0], pads[2]], [pads[1], pads[3]]],
        auto=auto,
    )


def _two(call: Call, name: str, default: Sequence[int] | None) -> list[int]:
    found = call.attributes.wholes(name, default)
    if found is None or len(found) != 2 or min(found) < 1:
        raise call.refused(f"has {name} {found}; read here are two numbers of at least 1", EXPORT)
    return list(found)


def same_pads(sizes: Sequence[int], window: Window, *, lower: bool = False) -> Pads:
    """What Keras' padding "same" puts around, and ONNX' SAME_UPPER; `lower`: SAME_LOWER."""
    pads = []
    for size, span, stride in zip(sizes, window.span, window.strides, strict=True):
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
        less, more = total // 2, total - total // 2
        pads.append([more, less] if lower else [less, more])
    return pads


def pads_of(call: Call, window: Window, sizes: Sequence[int]) -> Pads:
    """The pads, whatever way they are said in."""
    if not window.auto.startswith("SAME"):
        return window.pads
    if max(window.dilations) > 1:
        raise call.refused("has a dilation with auto_pad, which runtimes read differently", f"{EXPORT} with pads")
    return same_pads(sizes, window, lower=window.auto == "SAME_LOWER")


def conv(call: Call) -> Tensor:
    """Conv: kernel (M, C / group, kh, kw)."""
    tensor, kernel = call.tensor(), call.weights(1)
    if kernel.ndim != 4:
        raise call.refused(f"has a kernel of {kernel.ndim} axes; read here are convolutions of images, with four")
    node = call.image(tensor)
    window, group = read_window(call, kernel.shape[2:]), call.attributes.whole("group", 1)
    channels, filters = tensor.shape[0], kernel.shape[0]
    if group < 1 or channels % group or filters % group or kernel.shape[1] * group != channels:
        raise call.refused(f"has a kernel {kernel.shape} in {group} groups on {channels} channels", EXPORT)
    node, padding = _padded(call, node, window, pads_of(call, window, tensor.shape[1:]))
    bias = [] if call.at(2) is None else [call.weights(2)]
    options: dict[str, Any] = {
        "kernel_size": window.size,
        "strides": window.strides,
        "dilation_rate": window.dilations,
        "padding": padding,
        "use_bias": bool(bias),
    }
    if group == channels and group > 1 and window.strides[0] == window.strides[1]:
        own = kernel.reshape(channels, filters // channels, *window.size).transpose(2, 3, 0, 1)
        options["depth_multiplier"] = filters // channels
        node = call.layer("DepthwiseConv2D", node, [own, *bias], **options)
    else:
        own = kernel.transpose(2, 3, 1, 0)
        node = call.layer("Conv2D", node, [own, *bias], filters=filters, groups=group, **options)
    return call.same(call.as_image(node), node)


def conv_transpose(call: Call) -> Tensor:
    """ConvTranspose: kernel (C, M, kh, kw); without padding, since a Cropping2D behind it is that."""
    tensor, kernel = call.tensor(), call.weights(1)
    if kernel.ndim != 4 or call.attributes.whole("group", 1) != 1:
        raise call.refused("has groups, or a kernel of other than four axes")
    node, window = call.image(tensor), read_window(call, kernel.shape[2:])
    extra = call.attributes.wholes("output_padding") or [0, 0]
    if window.auto not in ("NOTSET", "VALID") or call.attributes.wholes("output_shape") or len(extra) != 2:
        raise call.refused("has its size given by auto_pad or output_shape", f"{EXPORT} with pads")
    if any(not 0 <= more < stride for more, stride in zip(extra, window.strides, strict=True)):
        raise call.refused(f"has output_padding {extra}, not below its strides", EXPORT)
    if max(window.dilations) > 1 and max(window.strides) > 1:
        raise call.refused("has strides and a dilation above 1")
    bias = [] if call.at(2) is None else [call.weights(2)]
    node = call.layer(
        "Conv2DTranspose",
        node,
        [kernel.transpose(2, 3, 1, 0), *bias],
        filters=kernel.shape[1],
        kernel_size=window.size,
        strides=window.strides,
        dilation_rate=window.dilations,
        padding="valid",
        use_bias=bool(bias),
    )
    crops = _behind(window, tensor.shape[1:], call.net.stored(node), extra)
    if any(min(crop) < 0 for crop in crops):
        raise call.refused(f"has output_padding {extra} beyond its window")
    if np.any(crops):
        node = call.layer("Cropping2D", node, cropping=crops)
    return call.as_image(node)


def _behind(window: Window, sizes: Sequence[int], made: Sequence[int], extra: Sequence[int]) -> Pads:
    """What ONNX takes off the output of a transposed convolution: its pads, and what Keras has more at the end."""
    crops = []
    for place, size in enumerate(sizes):
        whole = (size - 1) * window.strides[place] + window.span[place] + extra[place]
        begin, end = window.pads[place]
        crops.append([begin, made[place] - whole + end])
    return crops


def _padded(call: Call, node: int, window: Window, pads: Pads) -> tuple[int, str]:
    """Zeros around, by the layer itself where it puts them there; the node to call it on and its `padding`."""
    if not np.any(pads):
        return node, "valid"
    if pads == same_pads(call.net.stored(node)[:2], window):
        return node, "same"
    return call.layer("ZeroPadding2D", node, padding=pads), "valid"


def max_pool(call: Call) -> Tensor:
    """MaxPool; Keras' own padding counts for nothing, zeros only where no value is below."""
    tensor, node, window, pads = _pool(call)
    call.attributes.whole("storage_order", 0)  # of the second output, which is not read
    if not np.any(pads) or pads == same_pads(tensor.shape[1:], window):
        return _pooled(call, "MaxPooling2D", tensor, node, window, pads)
    if _is_centred(window, pads):
        return _thinned(call, "MaxPooling2D", tensor, node, window)
    if not tensor.positive:
        raise call.refused(f"is padded by {pads} around values that may be below 0, which no layer of Keras is")
    node = call.layer("ZeroPadding2D", node, padding=pads)
    return _pooled(call, "MaxPooling2D", tensor, node, window, [[0, 0], [0, 0]])


def average_pool(call: Call) -> Tensor:
    """AveragePool; Keras' own padding does not count for the mean, zeros do."""
    tensor, node, window, pads = _pool(call)
    counted = call.attributes.flag("count_include_pad", default=False)
    if not np.any(pads) or (not counted and pads == same_pads(tensor.shape[1:], window)):
        return _pooled(call, "AveragePooling2D", tensor, node, window, pads)
    if counted:
        node = call.layer("ZeroPadding2D", node, padding=pads)
        return _pooled(call, "AveragePooling2D", tensor, node, window, [[0, 0], [0, 0]])
    if _is_centred(window, pads):
        return _thinned(call, "AveragePooling2D", tensor, node, window)
    raise call.refused(f"is padded by {pads} without counting that, which no layer of Keras is")


def _pool(call: Call) -> tuple[Tensor, int, Window, Pads]:
    """Input, its node, window, and pads that are as wide as ceil_mode makes them."""
    tensor = call.tensor()
    node, window = call.image(tensor), read_window(call, None)
    if max(window.dilations) > 1:
        raise call.refused(f"has dilations {window.dilations}, which no pooling of Keras has")
    pads = pads_of(call, window, tensor.shape[1:])
    if any(pad >= size for pair, size in zip(pads, window.size, strict=True) for pad in pair):
        raise call.refused(f"has pads {pads} that are no smaller than its window", EXPORT)
    if call.attributes.flag("ceil_mode", default=False):
        if window.auto != "NOTSET":
            raise call.refused("has ceil_mode with auto_pad", EXPORT)
        pads = _ceiled(call, window, pads, tensor.shape[1:])
    return tensor, node, window, pads


def _ceiled(call: Call, window: Window, pads: Pads, sizes: Sequence[int]) -> Pads:
    """Pads with which a window that starts within the image is whole."""
    found = []
    for (begin, end), size, span, stride in zip(pads, sizes, window.size, window.strides, strict=True):
        rest = (size + begin + end - span) % stride
        more = (stride - rest) % stride
        # A window that would begin behind the image is left out.
        starts_behind = size + begin + end + more - span >= size + begin
        found.append([begin, end if starts_behind else end + more])
    if found != pads and call.op == "AveragePool":
        raise call.refused("has ceil_mode with windows that reach beyond the image, which no layer of Keras averages")
    return found


def _is_centred(window: Window, pads: Pads) -> bool:
    return all(pair == [size // 2, size // 2] and size % 2 for pair, size in zip(pads, window.size, strict=True))


def _pooled(call: Call, kind: str, tensor: Tensor, node: int, window: Window, pads: Pads) -> Tensor:
    padding = "same" if np.any(pads) else "valid"
    node = call.layer(kind, node, pool_size=window.size, strides=window.strides, padding=padding)
    return call.as_image(node, positive=tensor.positive)


def _thinned(call: Call, kind: str, tensor: Tensor, node: int, window: Window) -> Tensor:
    """Every place's window, as wide to all sides, and then the places that the strides leave."""
    node = call.layer(kind, node, pool_size=window.size, strides=[1, 1], padding="same")
    if max(window.strides) > 1:
        node = call.layer(kind, node, pool_size=[1, 1], strides=window.strides, padding="valid")
    return call.as_image(node, positive=tensor.positive)


def global_average_pool(call: Call) -> Tensor:
    """GlobalAveragePool."""
    return _global(call, "GlobalAveragePooling2D")


def global_max_pool(call: Call) -> Tensor:
    """GlobalMaxPool."""
    return _global(call, "GlobalMaxPooling2D")


def _global(call: Call, kind: str) -> Tensor:
    tensor = call.tensor()
    node = call.layer(kind, call.image(tensor), keepdims=True)
    return call.as_image(node, positive=tensor.positive)
