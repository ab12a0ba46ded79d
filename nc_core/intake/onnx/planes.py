"""Constants that differ along several axes of an image: positional embeddings, masks."""

from math import prod

import numpy as np

from nc_core.intake.onnx.arrays import Array
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.values import Tensor

LARGEST = 3e38
"""As `options.LARGEST_FLOAT`."""


def differs_along_several(tensor: Tensor, array: Array) -> bool:
    """Whether a constant is spread over a tensor with other numbers along several axes, the same for every image."""
    sizes = (1,) * (len(tensor.shape) + 1 - array.ndim) + array.shape
    if len(sizes) != len(tensor.shape) + 1 or sizes[0] != 1 or array.dtype != np.float32:
        return False
    fits = all(size in (1, whole) for size, whole in zip(sizes[1:], tensor.shape, strict=True))
    return fits and sum(size > 1 for size in sizes) > 1


def affine(call: Call, tensor: Tensor, scale: Array | None = None, offset: Array | None = None) -> Tensor:
    """tensor * scale + offset, value by value: a depthwise convolution of one pixel, whose channels are all values.

    scale, offset: float32, spread over (1, *tensor.shape); None: 1 and 0.
    """
    node, stored = call.net.node(tensor), call.net.stored(call.net.node(tensor))
    values = prod(stored)
    call.spend(2 * values)
    kernel = np.ones(values, np.float32) if scale is None else _row(call, tensor, scale)
    arrays = [kernel.reshape(1, 1, values, 1), *([] if offset is None else [_row(call, tensor, offset)])]
    row = call.layer("Reshape", node, target_shape=[1, 1, values])
    row = call.layer("DepthwiseConv2D", row, arrays, kernel_size=[1, 1], use_bias=offset is not None)
    return call.same(tensor, call.layer("Reshape", row, target_shape=list(stored)))


def _row(call: Call, tensor: Tensor, array: Array) -> Array:
    """The numbers in the order of the canonical net."""
    if array.dtype != np.float32 or not (np.abs(array) <= LARGEST).all():
        raise call.refused("has a constant that is not finite float32", "train or export it anew")
    whole = np.broadcast_to(array, (1, *tensor.shape))[0]
    return np.ascontiguousarray(whole.transpose(tensor.order)).reshape(-1)
