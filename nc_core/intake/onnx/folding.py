"""Operators on constants: how exporters work out shapes. NumPy does them, within a budget, on what the file holds.

The number of images is kept apart: where a shape names it, it may be moved, copied and multiplied, and nothing else is
computed of it.
"""

from collections.abc import Callable, Mapping
from math import prod

import numpy as np

from nc_core.intake.onnx import layout
from nc_core.intake.onnx.arrays import Array
from nc_core.intake.onnx.borders import slice_bounds
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.comparing import chosen, equal, extreme
from nc_core.intake.onnx.counting import arithmetic, curve, product, quotient, remainder, repeated, tiled
from nc_core.intake.onnx.values import Constant, Tensor
from nc_core.intake.onnx.wording import EXPORT, FLOAT32
from nc_core.intake.options import AXES

TYPES = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}
"""Of casts, by TensorProto.DataType."""


def applies(call: Call) -> bool:
    """Whether a node depends on no image."""
    if call.op == "Shape":
        return True
    return call.op in FOLDED and not any(isinstance(value, Tensor) for value in call.inputs)


def folded(call: Call) -> Constant:
    """The result of such a node; ModelRefused where its inputs do not fit, or it is too large."""
    if any(isinstance(value, Constant) and value.each is not None for value in call.inputs):
        raise call.refused("takes for a constant what is repeated for every image")
    try:
        return FOLDED[call.op](call)
    except (ValueError, IndexError, TypeError, OverflowError, ArithmeticError):
        raise call.refused("computes with constants that do not fit", EXPORT) from None


def _moved(value: Constant, move: Callable[[Array], Array]) -> Constant:
    """The same done to the array and to what marks the number of images in it."""
    return Constant(array=move(value.array), batch=None if value.batch is None else move(value.batch))


def _shape(call: Call) -> Constant:
    """Shape: the sizes of a tensor or an array, since opset 15 from a start to an end."""
    value = call.value(0)
    if isinstance(value, Constant):
        sizes = list(value.array.shape)
    else:
        sizes = layout.sizes(value.shape, call.place, call.batch or 1)
    start, end = 0, len(sizes)
    if call.opset >= 15:
        start, end, _ = slice(call.attributes.whole("start", 0), call.attributes.whole("end", len(sizes))).indices(end)
    marks = np.zeros(len(sizes), bool)
    marks[call.place.axis : call.place.axis + 1] = isinstance(value, Tensor)
    found = Constant(array=np.array(sizes, np.int64), batch=marks)
    return _moved(found, lambda array: array[start:end])


def _stored(call: Call) -> Constant:
    """Constant, whichever attribute has it."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        array = _attribute(call, name)
        if array is not None:
            return Constant(array=array)
    raise call.refused("holds no array of numbers", EXPORT)


def _attribute(call: Call, name: str) -> Array | None:
    attributes = call.attributes
    if not attributes.has(name):
        return None
    match name:
        case "value":
            return attributes.array(name)
        case "value_float":
            return np.array(attributes.number(name, 0.0), np.float32)
        case "value_floats":
            return np.array(attributes.numbers(name), np.float32)
        case "value_int":
            return np.array(attributes.whole(name, 0), np.int64)
        case _:
            return np.array(attributes.wholes(name), np.int64)


def _gather(call: Call) -> Constant:
    value, places = call.fixed(0), call.constant(1)
    axis = call.attributes.whole("axis", 0)
    if places is None or places.dtype.kind != "i":
        raise call.refused("takes no whole numbers for places", EXPORT)
    sizes = value.array.shape
    call.spend(places.size * prod(sizes) // max(sizes[axis], 1))
    return _moved(value, lambda array: np.take(array, places, axis))


def _axes(call: Call) -> list[int] | None:
    return call.attributes.wholes("axes") if call.opset < 13 else call.wholes(1)


def _unsqueeze(call: Call) -> Constant:
    axes = tuple(_axes(call) or ())
    if call.fixed(0).array.ndim + len(axes) > AXES:
        raise ValueError(axes)
    return _moved(call.fixed(0), lambda array: np.expand_dims(array, axes))


def _squeeze(call: Call) -> Constant:
    axes = _axes(call)
    return _moved(call.fixed(0), lambda array: np.squeeze(array, None if axes is None else tuple(axes)))


def _concat(call: Call) -> Constant:
    values = [call.fixed(place) for place in range(len(call.inputs))]
    axis = call.attributes.whole("axis", 0)
    call.spend(sum(value.array.size for value in values))
    if len({value.array.dtype for value in values}) != 1:
        raise ValueError(axis)
    arrays, marks = [value.array for value in values], [value.marks for value in values]
    return Constant(array=np.concatenate(arrays, axis), batch=np.concatenate(marks, axis))


def _slice(call: Call) -> Constant:
    value = call.fixed(0)
    starts, ends, axes, steps = slice_bounds(call)
    cut = [slice(None)] * value.array.ndim
    if len({axis % len(cut) for axis in axes}) != len(axes):
        raise ValueError(axes)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step < 1:
            raise ValueError(step)
        cut[axis] = slice(start, end, step)
    return _moved(value, lambda array: array[tuple(cut)])


def _transpose(call: Call) -> Constant:
    perm = call.attributes.wholes("perm")
    return _moved(call.fixed(0), lambda array: array.transpose(perm))


def _reshape(call: Call) -> Constant:
    value, target = call.fixed(0), call.wholes(1) or []
    if call.opset >= 14 and call.attributes.flag("allowzero", default=False):
        raise ValueError(target)
    if not value.array.flags.c_contiguous:
        call.spend(value.array.size)
    sizes = [value.array.shape[axis] if size == 0 else size for axis, size in enumerate(target)]
    if len(sizes) > AXES:
        raise ValueError(sizes)
    return _moved(value, lambda array: array.reshape(sizes))


def _identity(call: Call) -> Constant:
    return call.fixed(0)


def _cast(call: Call) -> Constant:
    value, kind = call.fixed(0), TYPES.get(call.attributes.whole("to", 0))
    call.attributes.whole("saturate", 1)  # of 8-bit floats
    if kind is None:
        raise call.refused("casts to a type that no float32 net has", FLOAT32)
    if value.array.dtype == kind:
        return value
    if (
        kind not in (np.float32, np.float64)
        and value.array.dtype.kind == "f"
        and not np.all(np.abs(value.array) < 2**31)
    ):
        raise ValueError(kind)
    call.spend(value.array.size)
    with np.errstate(over="ignore"):
        return Constant(array=value.array.astype(kind), batch=value.batch)


def _filled(call: Call) -> Constant:
    """ConstantOfShape."""
    sizes, value = call.wholes(0) or [], call.attributes.array("value")
    if min(sizes, default=0) < 0 or len(sizes) > AXES or (value is not None and value.size != 1):
        raise ValueError(sizes)
    call.spend(prod(sizes))
    fill = np.zeros(1, np.float32) if value is None else value.reshape(1)
    return Constant(array=np.full(sizes, fill[0], fill.dtype))


def _range(call: Call) -> Constant:
    first, end, step = (_scalar(call, place) for place in range(3))
    if step == 0:
        raise ValueError(step)
    call.spend(max(0, (end - first) // step + 1))
    return Constant(array=np.arange(first, end, step, dtype=np.int64))


def _scalar(call: Call, place: int) -> int:
    found = call.constant(place)
    if found is None or found.dtype != np.int64 or found.size != 1:
        raise ValueError(place)
    return int(found.reshape(-1)[0])


FOLDED: Mapping[str, Callable[[Call], Constant]] = {
    "Shape": _shape,
    "Constant": _stored,
    "Gather": _gather,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Concat": _concat,
    "Slice": _slice,
    "Transpose": _transpose,
    "Reshape": _reshape,
    "Identity": _identity,
    "Cast": _cast,
    "ConstantOfShape": _filled,
    "Range": _range,
    "Add": arithmetic(np.add),
    "Sub": arithmetic(np.subtract),
    "Mul": product,
    "Mod": arithmetic(remainder),
    "Div": arithmetic(quotient),
    "Sqrt": curve(np.sqrt),
    "Exp": curve(np.exp),
    "Max": extreme(np.maximum),
    "Min": extreme(np.minimum),
    "Equal": equal,
    "Where": chosen,
    "Expand": repeated,
    "Tile": tiled,
}
"""What exporters compute shapes of, and a weight's other form; each is NumPy's own function on bounded arrays."""
