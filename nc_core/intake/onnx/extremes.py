"""The larger or smaller of two values: tensors, or a tensor and a bound."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nc_core.intake.onnx.arithmetic import along, merged, rescaled
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.planes import affine, differs_along_several
from nc_core.intake.onnx.values import Constant, Tensor


def extreme(kind: str) -> Callable[[Call], Tensor]:
    """Max or Min of one value or more. kind: Maximum or Minimum."""

    def read(call: Call) -> Tensor:
        values = [call.value(place) for place in range(len(call.inputs))]
        tensors = [value for value in values if isinstance(value, Tensor)]
        if len(values) == 2 and tensors[0].node is None:
            return call.unfinished(tensors[0].shape)  # of a norm, see `patterns.unit_of`
        found = tensors[0] if len(tensors) == 1 else merged(call, kind, tensors)
        for place, value in enumerate(values):
            if isinstance(value, Constant):
                found = _with_constant(call, kind, found, place)
        return found

    return read


def _with_constant(call: Call, kind: str, tensor: Tensor, place: int) -> Tensor:
    array = call.weights(place)
    if differs_along_several(tensor, array):
        zeros = np.zeros((1,) * array.ndim, np.float32)
        return merged(call, kind, [tensor, affine(call, tensor, scale=zeros, offset=array)])
    axis, bound = along(call, tensor, array)
    return bounded(call, kind, tensor, bound, axis)


def bounded(call: Call, kind: str, tensor: Tensor, bound: Any, axis: int | None = None) -> Tensor:
    """The tensor, with a bound where it is on the other side of it: exactly, however far away the bound is."""
    zero = np.zeros_like(bound) if axis is not None else 0.0
    level = rescaled(call, tensor, scale=zero, offset=bound, axis=axis)
    positive = kind == "Maximum" and bool(np.all(np.asarray(bound) >= 0))
    return merged(call, kind, [tensor, level], positive=positive)
