"""Layers that slide a window over an image or change its size."""

from collections.abc import Callable, Sequence
from typing import Any

from nc_core.intake.onnx.windows import Pads, Window, same_pads
from nc_core.onnx_writer.activations import activated
from nc_core.onnx_writer.call import Call, Floats
from nc_core.onnx_writer.graph import FIRST, Value


def conv(call: Call) -> Value:
    """Conv2D: kernel (kh, kw, C / groups, filters)."""
    kernel = call.arrays["kernel"].transpose(3, 2, 0, 1)
    name = _convolved(call, call.image(), "kernel", kernel, groups=call.options["groups"], bias=True)
    return activated(call, call.made(name, FIRST))


def depthwise(call: Call) -> Value:
    """DepthwiseConv2D: kernel (kh, kw, C, multiplier)."""
    name = _by_channel(call, "kernel", bias=True)
    return activated(call, call.made(name, FIRST))


def separable(call: Call) -> Value:
    """SeparableConv2D: each channel by itself, then all by a kernel of one pixel."""
    kernel = call.array("pointwise_kernel", call.arrays["pointwise_kernel"].transpose(3, 2, 0, 1))
    name = call.op("Conv", _by_channel(call, "depthwise_kernel", bias=False), kernel, *_bias(call))
    return activated(call, call.made(name, FIRST))


def _by_channel(call: Call, name: str, *, bias: bool) -> str:
    rows, columns, channels, multiplier = call.arrays[name].shape
    kernel = call.arrays[name].transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, rows, columns)
    return _convolved(call, call.image(), name, kernel, groups=channels, bias=bias)


def _convolved(call: Call, value: Value, name: str, kernel: Floats, *, groups: int, bias: bool) -> str:
    own = [call.array(name, kernel), *(_bias(call) if bias else [])]
    return call.op("Conv", value.name, *own, group=groups, **_attributes(_window(call), value))


def _bias(call: Call) -> list[str]:
    return [call.array("bias", call.arrays["bias"])] if call.options["use_bias"] else []


def _window(call: Call) -> Window:
    size = call.options.get("kernel_size") or call.options["pool_size"]
    return Window(
        size=size,
        strides=call.options["strides"] or size,
        dilations=call.options.get("dilation_rate", [1, 1]),
        pads=[[0, 0], [0, 0]],
        auto=call.options["padding"],
    )


def _attributes(window: Window, value: Value, *, dilated: bool = True) -> dict[str, Any]:
    pads = same_pads(value.shape[:2], window) if window.auto == "same" else window.pads
    return {
        "kernel_shape": window.size,
        "strides": window.strides,
        "pads": _in_a_row(pads),
        **({"dilations": window.dilations} if dilated else {}),
    }


def _in_a_row(pads: Pads) -> list[int]:
    """Top, left, bottom, right."""
    return [pads[side][end] for end in (0, 1) for side in (0, 1)]


def transpose(call: Call) -> Value:
    """Conv2DTranspose: kernel (kh, kw, filters, C); of what its window reaches, the part that Keras keeps."""
    value, window = call.image(), _window(call)
    pads, more = [], []
    for before, after, span, stride in zip(value.shape[:2], call.shape[:2], window.span, window.strides, strict=True):
        reach = (before - 1) * stride + span
        cut = max(reach - after, 0)
        pads.append([cut // 2, cut - cut // 2])
        more.append(max(after - reach, 0))
    name = call.op(
        "ConvTranspose",
        value.name,
        call.array("kernel", call.arrays["kernel"].transpose(3, 2, 0, 1)),
        *_bias(call),
        kernel_shape=window.size,
        strides=window.strides,
        dilations=window.dilations,
        pads=_in_a_row(pads),
        output_padding=more,
    )
    return activated(call, call.made(name, FIRST))


def pool(kind: str) -> Callable[[Call], Value]:
    """MaxPooling2D or AveragePooling2D: what is padded counts for neither."""

    def write(call: Call) -> Value:
        value = call.image()
        return call.made(call.op(kind, value.name, **_attributes(_window(call), value, dilated=False)), FIRST)

    return write


def global_pool(kind: str) -> Callable[[Call], Value]:
    """GlobalAveragePooling2D or GlobalMaxPooling2D."""

    def write(call: Call) -> Value:
        name = call.op(kind, call.image().name)
        return call.made(name, FIRST) if call.options["keepdims"] else call.made(call.op("Flatten", name, axis=1))

    return write


def pad(call: Call) -> Value:
    """ZeroPadding2D."""
    begin, end = _borders(call.value, call.options["padding"])
    name = call.op("Pad", call.value.name, call.wholes("pads", [0, *begin, 0, *end]))
    return call.made(name, call.value.order)


def crop(call: Call) -> Value:
    """Cropping2D."""
    value = call.value
    begin, end = _borders(value, call.options["cropping"])
    stops = [value.shape[axis] - less for axis, less in zip(value.order, end, strict=True)]
    axes = range(1, 1 + len(value.order))
    name = call.op(
        "Slice", value.name, call.wholes("begin", begin), call.wholes("end", stops), call.wholes("axes", axes)
    )
    return call.made(name, value.order)


def _borders(value: Value, given: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """What is put or taken before and behind each axis, as they lie."""
    both = [*given, [0, 0]]
    return [both[axis][0] for axis in value.order], [both[axis][1] for axis in value.order]
