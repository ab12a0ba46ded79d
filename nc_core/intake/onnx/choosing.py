"""Where: one of two values, by a condition that is the same for every image."""

from math import prod

import numpy as np

from nc_core.intake.onnx.arithmetic import merged
from nc_core.intake.onnx.arrays import Array
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.planes import affine
from nc_core.intake.onnx.values import Constant, Tensor
from nc_core.intake.onnx.wording import EXPORT


def where(call: Call) -> Tensor:
    """What is left out is multiplied by 0, and what is taken by 1."""
    chosen = call.constant(0)
    if chosen is None or chosen.dtype != np.bool_:
        raise call.refused("has no condition of truth values")
    one, two = (_branch(call, place, mask) for place, mask in ((1, chosen), (2, ~chosen)))
    if isinstance(one, Tensor) and isinstance(two, Tensor):
        return merged(call, "Add", [one, two])
    tensor, other = (one, two) if isinstance(one, Tensor) else (two, one)
    if isinstance(tensor, Tensor) and not isinstance(other, Tensor):
        return affine(call, tensor, offset=_spread(call, other, tensor))
    raise call.refused("chooses between constants of which one depends on the batch")


def _branch(call: Call, place: int, mask: Array) -> Tensor | Array:
    value = call.value(place)
    if isinstance(value, Constant):
        array = call.weights(place)
        try:
            call.spend(prod(np.broadcast_shapes(mask.shape, array.shape)))
        except ValueError:
            raise call.refused(f"chooses by an array {mask.shape} among {array.shape}", EXPORT) from None
        return np.where(mask, array, np.float32(0))
    return affine(call, value, scale=_spread(call, mask.astype(np.float32), value))


def _spread(call: Call, array: Array, tensor: Tensor) -> Array:
    """An array that is spread over the tensor and does not make it larger."""
    whole = (1, *tensor.shape)
    sizes = (1,) * (len(whole) - array.ndim) + array.shape
    if len(sizes) != len(whole) or any(size not in (1, full) for size, full in zip(sizes, whole, strict=True)):
        told = ", ".join(map(str, tensor.shape))
        raise call.refused(f"chooses by an array {array.shape} among values (batch, {told})")
    return array
