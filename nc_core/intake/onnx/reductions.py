"""Means, maxima and sums along axes of one image."""

from collections.abc import Callable, Sequence
from math import prod

from nc_core.intake.onnx.arithmetic import rescaled
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.values import Made, Tensor

AXES_INPUT_SINCE = {"ReduceSum": 13, "ReduceMean": 18, "ReduceMax": 18, "ReduceL2": 18}
"""The opset from which on the axes are an input."""


def reduction(kind: str) -> Callable[[Call], Tensor]:
    """An operator that global pooling does: the axes that go are made rows and columns, the others channels."""

    def read(call: Call) -> Tensor:
        tensor = call.tensor()
        axes = _axes(call, tensor)
        kept = call.attributes.flag("keepdims", default=True)
        if not axes:
            return tensor
        whole = call.net.reshaped(tensor, (*tensor.shape, 1)) if len(axes) == len(tensor.shape) and kept else tensor
        pooled = _pooled(call, whole, axes, kind)
        if call.op == "ReduceSum":
            pooled = rescaled(call, pooled, scale=float(prod(tensor.shape[axis] for axis in axes)))
        shape = tuple(1 if axis in axes else size for axis, size in enumerate(tensor.shape) if kept or axis not in axes)
        whole = call.net.reshaped(pooled, shape)
        made = Made(op=call.op, inputs=call.inputs, axes=axes)
        return Tensor(node=whole.node, shape=shape, order=whole.order, made=made, positive=tensor.positive)

    return read


def length(call: Call) -> Tensor:
    """ReduceL2: part of a normalisation to length 1, or nothing."""
    tensor = call.tensor()
    axes, kept = _axes(call, tensor), call.attributes.flag("keepdims", default=True)
    shape = tuple(1 if axis in axes else size for axis, size in enumerate(tensor.shape) if kept or axis not in axes)
    made = Made(op=call.op, inputs=call.inputs, axes=axes)
    return Tensor(node=None, shape=shape, order=tuple(range(len(shape))), made=made)


def _axes(call: Call, tensor: Tensor) -> list[int]:
    """The axes that go, sorted; none of them may be the batch."""
    rank = len(tensor.shape)
    if call.opset < AXES_INPUT_SINCE[call.op]:
        axes = call.attributes.wholes("axes")
    else:
        axes, nothing = call.wholes(1), call.attributes.flag("noop_with_empty_axes", default=False)
        if not axes and nothing:
            return []
    if not axes:
        raise call.refused("goes along all axes, the batch included, and images are answered one by one")
    return sorted(call.axes(axes, rank))


def _pooled(call: Call, tensor: Tensor, axes: Sequence[int], kind: str) -> Tensor:
    """What is left, by the axes that are kept."""
    kept = [axis for axis in range(len(tensor.shape)) if axis not in axes]
    if not kept:
        raise call.refused("leaves one value an image and no channel")
    gone = [axis for axis in tensor.order if axis in axes]
    stays = [axis for axis in tensor.order if axis in kept]
    node = call.net.arranged(tensor, (*gone, *stays))
    sizes = [tensor.shape[axis] for axis in gone]
    image = (*sizes, prod(tensor.shape[axis] for axis in stays))
    if len(gone) != 2:
        image = (prod(sizes), 1, image[-1])
    if call.net.stored(node) != image:
        node = call.layer("Reshape", node, target_shape=list(image))
    node = call.layer(kind, node)
    if len(stays) > 1:
        node = call.layer("Reshape", node, target_shape=[tensor.shape[axis] for axis in stays])
    order = tuple(kept.index(axis) for axis in stays)
    return Tensor(node=node, shape=tuple(tensor.shape[axis] for axis in kept), order=order, positive=tensor.positive)
