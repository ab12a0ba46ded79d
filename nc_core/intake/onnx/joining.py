"""Concat: tensors side by side, and constants that are repeated for every image beside them, such as a class token."""

import numpy as np

from nc_core.intake.onnx.arithmetic import rescaled
from nc_core.intake.onnx.borders import cut, widened
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.planes import affine
from nc_core.intake.onnx.values import Constant, Tensor
from nc_core.intake.onnx.wording import EXPORT


def concat(call: Call) -> Tensor:
    """Concat of tensors and such constants; at least one is a tensor."""
    values = [call.value(place) for place in range(len(call.inputs))]
    like = next(value for value in values if isinstance(value, Tensor))
    axis = call.axis(call.attributes.whole("axis", 0), len(like.shape))
    tensors = [_as_tensor(call, value, like, axis) if isinstance(value, Constant) else value for value in values]
    if len(tensors) == 1:
        return like
    if any(len(tensor.shape) != len(like.shape) for tensor in tensors):
        raise call.refused("joins tensors of different numbers of axes", EXPORT)
    order = like.order
    place = order.index(axis)
    nodes = [call.net.arranged(tensor, order) for tensor in tensors]
    node = call.net.call("Concatenate", nodes, {"axis": -1 if place == len(order) - 1 else place + 1})
    total = sum(tensor.shape[axis] for tensor in tensors)
    shape = (*like.shape[:axis], total, *like.shape[axis + 1 :])
    positive = all(tensor.positive for tensor in tensors)
    return Tensor(node=node, shape=shape, order=order, positive=positive)


def _as_tensor(call: Call, value: Constant, like: Tensor, axis: int) -> Tensor:
    """The constant, the same for every image: one place of a tensor made 0, widened, and the constant added."""
    array = value.array
    if not (value.each == 0 or _is_repeated(call, value)) or array.dtype != np.float32:
        raise call.refused("joins a tensor with a constant that is not there for every image")
    rest = (*like.shape[:axis], *like.shape[axis + 1 :])
    own = array.shape[1:]
    if len(own) != len(like.shape) or (*own[:axis], *own[axis + 1 :]) != rest or own[axis] < 1:
        raise call.refused(f"joins (batch, {', '.join(map(str, like.shape))}) with a constant {array.shape}", EXPORT)
    blank = rescaled(call, cut(call, like, axis, 0, 1), scale=0.0)
    if own[axis] > 1:
        blank = widened(call, blank, axis, own[axis] - 1)
    return affine(call, blank, offset=array[:1])


def _is_repeated(call: Call, value: Constant) -> bool:
    """Whether an array holds the same for each of the images that the file fixes."""
    array = value.array
    fixed = call.batch is not None and array.ndim > 0 and array.shape[0] == call.batch
    return bool(fixed and (array == array[:1]).all())
