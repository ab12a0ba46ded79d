"""Sums, differences, products and quotients, of two tensors or of a tensor and a constant."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nc_core.intake.onnx.arrays import Array
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.patterns import gelu_of, normalised_by, unit_of
from nc_core.intake.onnx.planes import LARGEST, affine, differs_along_several
from nc_core.intake.onnx.values import Tensor, Value
from nc_core.intake.onnx.wording import FLOAT32

BIASED = ("Dense", "Conv2D", "DepthwiseConv2D")


def along(call: Call, tensor: Tensor, array: Array) -> tuple[int | None, Any]:
    """A constant that is spread over a tensor, as its axis and its numbers along that; None and a number for all.

    Raises ModelRefused where it goes along several axes, depends on the place in the batch, or makes the tensor larger.
    """
    if array.dtype != np.float32:
        raise call.refused(f"has a constant of {array.dtype} beside a tensor of float32", FLOAT32)
    if array.size == 0:
        raise call.refused("has a constant without values")
    if array.size == 1:
        if array.ndim > len(tensor.shape) + 1:
            raise call.refused(f"gives its result more axes by a constant {array.shape}")
        return None, float(_finite(call, array)[0])
    sizes = (1,) * (len(tensor.shape) + 1 - array.ndim) + array.shape
    wide = [axis for axis, size in enumerate(sizes[1:]) if size > 1]
    if (
        len(sizes) != len(tensor.shape) + 1
        or sizes[0] != 1
        or len(wide) > 1
        or sizes[wide[0] + 1] != tensor.shape[wide[0]]
    ):
        raise call.refused(
            f"combines a tensor (batch, {', '.join(map(str, tensor.shape))}) with a constant {array.shape}; read are "
            "one number, or one for each place along one axis"
        )
    return wide[0], _finite(call, array)


def _finite(call: Call, array: Array) -> Array:
    """The numbers in a row."""
    if not (np.abs(array) <= LARGEST).all():
        raise call.refused("has a constant that is not finite", "train or export it anew")
    return array.reshape(-1)


def last(call: Call, tensor: Tensor, axis: int | None) -> Tensor:
    """The tensor with this axis, where there is one, last in the canonical net."""
    if axis is None or tensor.order[-1] == axis:
        return tensor
    return call.arranged(tensor, (*(each for each in tensor.order if each != axis), axis))


def rescaled(call: Call, tensor: Tensor, scale: Any = 1.0, offset: Any = 0.0, axis: int | None = None) -> Tensor:
    """tensor * scale + offset: numbers, or arrays along the axis."""
    if tensor.node is None:
        return call.unfinished(tensor.shape)
    tensor = last(call, tensor, axis)
    node = call.layer("Rescaling", tensor.node or 0, scale=_plain(scale), offset=_plain(offset))
    return call.same(tensor, node)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else float(value)


def merged(call: Call, kind: str, tensors: Sequence[Tensor], *, positive: bool = False) -> Tensor:
    """A merging layer on tensors of as many axes, spread as NumPy does."""
    if len({len(tensor.shape) for tensor in tensors}) != 1:
        shapes = " and ".join(f"(batch, {', '.join(map(str, tensor.shape))})" for tensor in tensors)
        raise call.refused(f"combines tensors of different numbers of axes, {shapes}")
    order = max(tensors, key=lambda tensor: int(np.prod(tensor.shape, dtype=object))).order
    node = call.net.call(kind, [call.net.arranged(tensor, order) for tensor in tensors], {})
    stored = dict(zip(order, call.net.stored(node), strict=True))
    shape = tuple(stored[axis] for axis in range(len(order)))
    return Tensor(node=node, shape=shape, order=order, made=call.made(), positive=positive)


def _two(call: Call) -> tuple[Value, Value]:
    return call.value(0), call.value(1)


def _array(call: Call, value: Value) -> Array | None:
    """The array of a constant; None for a tensor."""
    if isinstance(value, Tensor):
        return None
    found = call.constant(0 if value is call.at(0) else 1)
    if found is None:
        raise call.refused("lacks an input")
    return found


def _either(call: Call) -> tuple[Tensor, Array] | None:
    """The tensor and the constant, whichever comes first; None where both are tensors."""
    one, two = _two(call)
    left, right = _array(call, one), _array(call, two)
    if isinstance(one, Tensor) and right is not None:
        return one, right
    if isinstance(two, Tensor) and left is not None:
        return two, left
    return None


def _tensors(call: Call) -> list[Tensor]:
    return [call.tensor(0), call.tensor(1)]


def _is_open(tensors: Sequence[Tensor]) -> bool:
    return any(tensor.node is None for tensor in tensors)


def add(call: Call) -> Tensor:
    """Add; a bias becomes that of the layer before it."""
    given = _either(call)
    if given is None:
        tensors = _tensors(call)
        return merged(call, "Add", tensors, positive=all(tensor.positive for tensor in tensors))
    tensor, array = given
    if differs_along_several(tensor, array):
        return affine(call, tensor, offset=array)
    axis, offset = along(call, tensor, array)
    return _biased(call, tensor, axis, offset) or rescaled(call, tensor, offset=offset, axis=axis)


def _biased(call: Call, tensor: Tensor, axis: int | None, offset: Any) -> Tensor | None:
    """The layer before, made anew with this as its bias; None where that is no layer with a bias."""
    if tensor.node is None or axis is None or axis != tensor.order[-1]:
        return None
    draft = call.net.draft(tensor.node)
    if draft is None or draft.kind not in BIASED or draft.options["use_bias"]:
        return None
    options = {**draft.options, "use_bias": True}
    node = call.net.call(draft.kind, call.net.inputs(tensor.node), options, [*draft.arrays, offset])
    return call.same(tensor, node)


def subtract(call: Call) -> Tensor:
    """Sub."""
    given = _either(call)
    if given is None:
        tensors = _tensors(call)
        if _is_open(tensors):
            return call.unfinished(tensors[0].shape)
        return merged(call, "Subtract", tensors)
    tensor, array = given
    if differs_along_several(tensor, array):
        first = tensor is call.at(0)
        return affine(
            call, tensor, None if first else np.full((1,) * array.ndim, -1, np.float32), -array if first else array
        )
    axis, number = along(call, tensor, array)
    if tensor is call.at(0):
        return rescaled(call, tensor, offset=-number, axis=axis)
    return rescaled(call, tensor, scale=-np.ones_like(number) if axis is not None else -1.0, offset=number, axis=axis)


def multiply(call: Call) -> Tensor:
    """Mul, or the GELU of which it is the end."""
    source = gelu_of(call.at(0), call.at(1))
    if source is not None:
        return call.same(source, call.layer("Activation", call.net.node(source), activation="gelu"))
    given = _either(call)
    if given is None:
        tensors = _tensors(call)
        if _is_open(tensors):
            return call.unfinished(tensors[0].shape)
        return merged(call, "Multiply", tensors, positive=all(tensor.positive for tensor in tensors))
    tensor, array = given
    if differs_along_several(tensor, array) and tensor.node is not None:
        return affine(call, tensor, scale=array)
    axis, number = along(call, tensor, array)
    return rescaled(call, tensor, scale=number, axis=axis)


def divide(call: Call) -> Tensor:
    """Div by a constant, or the layer normalisation of which it is the end."""
    one, two = _two(call)
    if isinstance(two, Tensor):
        unit = unit_of(one, two)
        if unit is not None:
            return _unit_norm(call, *unit)
        found = normalised_by(one, two)
        if found is None:
            raise call.refused("divides by what is computed from the image")
        tensor, axes, epsilon = found
        return layer_norm(call, tensor, axes, epsilon)
    tensor, array = call.tensor(0), _array(call, two)
    axis, number = along(call, tensor, np.zeros(0, np.float32) if array is None else array)
    with np.errstate(all="ignore"):
        share = 1 / np.asarray(number, np.float64)
    if not np.all(np.abs(share) <= LARGEST):
        raise call.refused("divides by 0, or by hardly more")
    return rescaled(call, tensor, scale=share if axis is not None else float(share), axis=axis)


def layer_norm(call: Call, tensor: Tensor, axes: Sequence[int], epsilon: float, arrays: Sequence[Array] = ()) -> Tensor:
    """A LayerNormalization along axes of one image; arrays: gamma and beta by those axes, or neither or the former."""
    places = sorted(tensor.order.index(axis) for axis in axes)
    moved = [list(axes).index(tensor.order[place]) for place in places]
    options = {"axis": _keras_axes(places, len(tensor.shape)), "epsilon": epsilon}
    own = [array.transpose(moved) for array in arrays]
    node = call.net.node(tensor)
    node = call.layer("LayerNormalization", node, own, scale=len(own) > 0, center=len(own) > 1, **options)
    return call.same(tensor, node)


def _unit_norm(call: Call, tensor: Tensor, axes: Sequence[int]) -> Tensor:
    places = sorted(tensor.order.index(axis) for axis in axes)
    axis = _keras_axes(places, len(tensor.shape))
    return call.same(tensor, call.layer("UnitNormalization", call.net.node(tensor), axis=axis))


def _keras_axes(places: Sequence[int], rank: int) -> list[int]:
    """Places among the stored axes as Keras counts them; -1 for the last alone, as Keras writes it itself."""
    return [-1] if list(places) == [rank - 1] else [place + 1 for place in places]


def power(call: Call) -> Tensor:
    """Pow: a square, as layer normalisations have it, or nothing."""
    tensor, exponent = call.tensor(), call.number(1)
    if exponent == 2 and tensor.node is not None:
        return merged(call, "Multiply", [tensor, tensor], positive=True)
    return call.unfinished(tensor.shape)


def pending(call: Call) -> Tensor:
    """Sqrt and Erf: part of a pattern, or nothing."""
    return call.unfinished(call.tensor().shape)


def negative(call: Call) -> Tensor:
    """Neg."""
    return rescaled(call, call.tensor(), scale=-1.0)
