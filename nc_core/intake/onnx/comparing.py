"""Comparisons and choices among constants.

PyTorch writes `token.expand(batch, -1, -1)` as the choice, for each size, between -1 and the tensor's own.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.values import Constant
from nc_core.intake.onnx.wording import EXPORT


def extreme(operation: Callable[[Any, Any], Any]) -> Callable[[Call], Constant]:
    """Max or Min of one array or more, of one type."""

    def compute(call: Call) -> Constant:
        arrays = [call.constant(place) for place in range(len(call.inputs))]
        found = arrays[0]
        for array in arrays[1:]:
            if found is None or array is None or found.dtype != array.dtype:
                raise ValueError(call.op)
            call.spend(prod(np.broadcast_shapes(found.shape, array.shape)))
            found = operation(found, array)
        if found is None or found.dtype.kind not in "fi":
            raise ValueError(call.op)
        return Constant(array=np.asarray(found))

    return compute


def equal(call: Call) -> Constant:
    """Equal; the number of images, whatever it is, is at least 1."""
    left, right = call.fixed(0), call.fixed(1)
    if left.array.dtype != right.array.dtype or left.array.dtype.kind not in "ib":
        raise ValueError(call.op)
    marks = left.marks | right.marks
    smaller = np.minimum(np.where(left.marks, 0, left.array), np.where(right.marks, 0, right.array))
    call.spend(prod(marks.shape))
    if (marks & (smaller >= 0)).any():
        raise call.refused("compares the number of images", EXPORT)
    return Constant(array=np.equal(left.array, right.array))


def chosen(call: Call) -> Constant:
    """Where; the number of images may be among what is chosen from."""
    mask, one, two = call.constant(0), call.fixed(1), call.fixed(2)
    if mask is None or mask.dtype != np.bool_ or one.array.dtype != two.array.dtype:
        raise ValueError(call.op)
    call.spend(prod(np.broadcast_shapes(mask.shape, one.array.shape, two.array.shape)))
    return Constant(array=np.where(mask, one.array, two.array), batch=np.where(mask, one.marks, two.marks))
