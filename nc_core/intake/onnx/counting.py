"""Arithmetic on constants, and what is made of the number of images: multiples of it, constants repeated for each."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.values import Constant
from nc_core.intake.onnx.wording import EXPORT
from nc_core.intake.options import AXES

SIZE = 2**31
"""Larger than any size of an axis."""


def arithmetic(operation: Callable[[Any, Any], Any]) -> Callable[[Call], Constant]:
    """An operation on two arrays of one type."""

    def compute(call: Call) -> Constant:
        left, right = call.constant(0), call.constant(1)
        if left is None or right is None or left.dtype != right.dtype or left.dtype.kind not in "fi":
            raise ValueError(call.op)
        shape = np.broadcast_shapes(left.shape, right.shape)
        call.spend(prod(shape))
        with np.errstate(all="ignore"):
            return Constant(array=np.asarray(operation(left, right), left.dtype))

    return compute


def quotient(left: Any, right: Any) -> Any:
    """Whole numbers are divided towards zero; here only those of at least 0."""
    if left.dtype.kind == "f":
        return left / right
    if (left < 0).any() or (right < 1).any():
        raise ValueError(right)
    return left // right


def remainder(left: Any, right: Any) -> Any:
    """Of whole numbers, likewise."""
    if left.dtype.kind == "f" or (left < 0).any() or (right < 1).any():
        raise ValueError(right)
    return left % right


def curve(operation: Callable[[Any], Any]) -> Callable[[Call], Constant]:
    """A function of each number of an array of float32."""

    def compute(call: Call) -> Constant:
        value = call.weights(0)
        call.spend(value.size)
        with np.errstate(all="ignore"):
            return Constant(array=operation(value))

    return compute


def product(call: Call) -> Constant:
    """Mul, also of the number of images by that of other things: heads, rows."""
    left, right = call.fixed(0), call.fixed(1)
    if not (left.marks.any() or right.marks.any()):
        return arithmetic(np.multiply)(call)
    call.spend(prod(np.broadcast_shapes(left.array.shape, right.array.shape)))
    least = min(np.min(np.where(left.marks, right.array, 1)), np.min(np.where(right.marks, left.array, 1)))
    most = max(np.max(left.array), np.max(right.array))
    whole = left.array.dtype == np.int64 and right.array.dtype == np.int64
    if not whole or least < 1 or most >= SIZE or (left.marks & right.marks).any():
        raise call.refused("multiplies the number of images by itself, or by other than a number from 1", EXPORT)
    return Constant(array=left.array * right.array, batch=left.marks | right.marks)


def repeated(call: Call) -> Constant:
    """Expand; for every image where one size is their number."""
    value, target = call.constant(0), call.fixed(1)
    sizes = [int(size) for size in target.array]
    if value is None or target.array.dtype.kind != "i" or len(sizes) > AXES:
        raise ValueError(call.op)
    each = _each(call, target)
    if each is not None:
        sizes[each] = 1
    shape = np.broadcast_shapes(value.shape, tuple(sizes))
    if len(shape) > AXES or (each is not None and (len(shape) != len(sizes) or shape[each] != 1)):
        raise ValueError(call.op)
    call.spend(prod(shape))
    return Constant(array=np.broadcast_to(value, shape), each=each)


def tiled(call: Call) -> Constant:
    """Tile, likewise."""
    value, target = call.constant(0), call.fixed(1)
    if value is None or target.array.dtype.kind != "i" or target.array.shape != (value.ndim,):
        raise ValueError(call.op)
    times, each = [int(number) for number in target.array], _each(call, target)
    if each is not None:
        times[each] = 1
    if min(times, default=1) < 1 or (each is not None and value.shape[each] != 1):
        raise ValueError(call.op)
    call.spend(value.size * prod(times))
    return Constant(array=np.tile(value, times), each=each)


def _each(call: Call, target: Constant) -> int | None:
    """The axis for which a list of sizes names the number of images."""
    named = np.flatnonzero(target.marks)
    if named.size == 0:
        return None
    if named.size > 1 or not call.is_count(int(target.array[named[0]])):
        raise ValueError(call.op)
    return int(named[0])
