"""Operators that cut pieces out of an axis or put zeros beside it, by layers without weights."""

from collections.abc import Sequence
from math import prod

from nc_core.intake.onnx.call import IMAGE, Call
from nc_core.intake.onnx.values import Tensor
from nc_core.intake.onnx.wording import EXPORT


def cut(call: Call, tensor: Tensor, axis: int, begin: int, end: int) -> Tensor:
    """The places from `begin` to before `end` of one axis: a Cropping2D with that axis as the image's columns."""
    size = tensor.shape[axis]
    if not 0 <= begin < end <= size:
        raise call.refused(f"takes the places {begin} to {end} of an axis of {size}", EXPORT)
    if (begin, end) == (0, size):
        return tensor
    return _along(call, tensor, axis, "Cropping2D", "cropping", [begin, size - end])


def _along(call: Call, tensor: Tensor, axis: int, kind: str, option: str, borders: list[int]) -> Tensor:
    """A layer that changes one axis at both ends, which is made the columns of an image for it."""
    node, place = call.net.node(tensor), tensor.order.index(axis)
    stored = call.net.stored(node)
    columns = (prod(stored[:place]), stored[place], prod(stored[place + 1 :]))
    if columns != stored:
        node = call.layer("Reshape", node, target_shape=list(columns))
    node = call.layer(kind, node, **{option: [[0, 0], borders]})
    made = call.net.stored(node)[1]
    if columns != stored:
        node = call.layer("Reshape", node, target_shape=[*stored[:place], made, *stored[place + 1 :]])
    shape = (*tensor.shape[:axis], made, *tensor.shape[axis + 1 :])
    return Tensor(node=node, shape=shape, order=tensor.order, positive=tensor.positive)


def widened(call: Call, tensor: Tensor, axis: int, more: int) -> Tensor:
    """So many places of zeros behind one axis."""
    return _along(call, tensor, axis, "ZeroPadding2D", "padding", [0, more])


def slice_tensor(call: Call) -> Tensor:
    """Slice, by steps of 1."""
    tensor = call.tensor()
    starts, ends, axes, steps = slice_bounds(call)
    for start, end, axis, step in zip(starts, ends, call.axes(axes, len(tensor.shape)), steps, strict=True):
        if step != 1:
            raise call.refused(f"takes every place by a step of {step}; read is 1")
        size = tensor.shape[axis]
        tensor = cut(call, tensor, axis, *slice(start, end).indices(size)[:2])
    return tensor


def slice_bounds(call: Call) -> tuple[list[int], list[int], list[int], list[int]]:
    """Starts, ends, axes and steps: attributes before opset 10, inputs since."""
    if call.opset < 10:
        starts, ends = call.attributes.wholes("starts"), call.attributes.wholes("ends")
        axes, steps = call.attributes.wholes("axes"), None
    else:
        starts, ends, axes, steps = (call.wholes(place) for place in range(1, 5))
    if starts is None or ends is None:
        raise call.refused("lacks its starts or ends", EXPORT)
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if not len(starts) == len(ends) == len(axes) == len(steps) <= len(set(axes)):
        raise call.refused("has as many starts as it has not ends, axes and steps, or an axis twice", EXPORT)
    return starts, ends, axes, steps


def pad(call: Call) -> Tensor:
    """Pad with zeros: an attribute before opset 11, inputs since."""
    tensor = call.tensor()
    if call.attributes.word("mode", "constant") != "constant":
        raise call.refused("pads by other than a constant; read are zeros")
    if call.opset < 11:
        pads, value, axes = call.attributes.wholes("pads"), call.attributes.number("value", 0.0), None
    else:
        pads, value = call.wholes(1), call.number(2) or 0.0
        axes = call.wholes(3) if call.opset >= 18 else None
    rank = len(tensor.shape)
    named = list(range(rank + 1)) if axes is None else [axis + rank + 1 if axis < 0 else axis for axis in axes]
    if (
        pads is None
        or len(pads) != 2 * len(named)
        or len(set(named)) != len(named)
        or value != 0
        or not set(named) <= set(range(rank + 1))
    ):
        raise call.refused("pads with other than zeros, or by other axes than its input has")
    around = {axis: [pads[place], pads[place + len(named)]] for place, axis in enumerate(named)}
    if any(around.get(0, [])) or any(min(pair) < 0 for pair in around.values()):
        raise call.refused(f"has pads {pads}, which change the batch or cut away")
    return _padded(call, tensor, [around.get(axis + 1, [0, 0]) for axis in range(rank)])


def _padded(call: Call, tensor: Tensor, around: Sequence[list[int]]) -> Tensor:
    if len(around) == 3 and tensor.order == IMAGE and any(map(any, around[1:])):
        node = call.layer("ZeroPadding2D", call.net.node(tensor), padding=list(around[1:]))
        tensor, around = call.as_image(node, positive=tensor.positive), [around[0], [0, 0], [0, 0]]
    for axis, pair in enumerate(around):
        if any(pair):
            tensor = _along(call, tensor, axis, "ZeroPadding2D", "padding", pair)
    return tensor
