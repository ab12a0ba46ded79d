"""Tensors whose batch is not the first axis: how attention goes through them.

`torch.nn.MultiheadAttention` has the batch second, (n, batch, values), joins it with the heads, (batch x heads, n, d),
and with the rows, (n x batch, values). Which axis has the batch is known all the while, so every operator works on the
axes of one image, and one that would mix images is refused.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nc_core.intake.onnx.arrays import Array
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.values import FIRST, Constant, Moved, Place, Tensor, Value, placed

BY_VALUE = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Neg", "Pow", "Sqrt", "Erf", "Exp", "Max", "Min", "Where", "Clip", "Tanh"),
        *("Relu", "LeakyRelu", "Elu", "Selu", "Gelu", "Sigmoid", "HardSigmoid", "HardSwish", "Softplus", "Mish"),
        *("Identity", "Dropout", "Cast"),
    )
)
"""Value by value; constants are spread from the last axis on."""
ALONG = frozenset(
    (
        *("MatMul", "Gemm", "LayerNormalization", "Softmax", "ReduceMean", "ReduceSum", "ReduceMax"),
        *("Gather", "Split", "Slice", "Concat"),
    )
)
"""Along axes that they ask `Call.axis` for, which refuses that of the batch."""
MOVES = frozenset(("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Shape"))
"""They say themselves where the batch is afterwards."""


def settled(call: Call, given: Sequence[Value | Moved | None]) -> Call:
    """The call on what the images hold; ModelRefused where its operator does not go with their axes."""
    moved = [value for value in given if isinstance(value, Moved)]
    if not moved:
        return replace(call, inputs=[value for value in given if not isinstance(value, Moved)])
    place, tensor = moved[0].place, moved[0].tensor
    if any(isinstance(value, Tensor) or (isinstance(value, Moved) and value.place != place) for value in given):
        raise call.refused("combines tensors that have the batch in different axes")
    if call.op not in BY_VALUE | ALONG | MOVES:
        raise call.refused("takes a tensor whose axes do not begin with the batch")
    rank = len(place.blocks(len(tensor.shape)))
    inputs: list[Value | None] = []
    for value in given:
        if isinstance(value, Moved):
            inputs.append(value.tensor)
        elif isinstance(value, Constant) and call.op in BY_VALUE:
            inputs.append(replace(value, array=_spread(call, value.array, place, rank)))
        elif isinstance(value, Constant) and call.op == "Concat":
            inputs.append(_beside(value, place, rank))
        else:
            inputs.append(value)
    return replace(call, inputs=inputs, place=place)


def _spread(call: Call, array: Array, place: Place, rank: int) -> Array:
    """A constant by the axes of one image behind the batch, instead of by those of ONNX."""
    sizes = (1,) * (rank - array.ndim) + array.shape
    if array.size == 1 and array.ndim <= rank:
        return array
    if len(sizes) != rank or sizes[place.axis] != 1:
        raise call.refused(f"combines a tensor with a constant {array.shape} that would differ along the batch")
    return array.reshape(1, *sizes[: place.axis], *(1,) * place.joined, *sizes[place.axis + 1 :])


def _beside(value: Constant, place: Place, rank: int) -> Constant:
    """A constant that is joined with tensors: its axis of images first, where it has one there."""
    if value.array.ndim != rank or place.joined:
        return replace(value, each=None)
    each = 0 if value.each == place.axis else None
    return replace(value, array=np.moveaxis(value.array, place.axis, 0), each=each)


def resettled(call: Call, result: object) -> object:
    """What a settled call has made, with the batch where ONNX has it then."""
    if call.place == FIRST or call.op in MOVES:
        return result
    if isinstance(result, list):
        return [resettled(call, each) for each in result]
    return placed(result, _left(call, result)) if isinstance(result, Tensor) else result


def _left(call: Call, result: Tensor) -> Place:
    """The place of the batch once axes before it may have gone."""
    rank = max(len(value.shape) for value in call.inputs if isinstance(value, Tensor))
    if len(result.shape) == rank:
        return call.place
    gone = [] if result.made is None else list(result.made.axes)
    if len(gone) != rank - len(result.shape):
        raise call.refused("takes axes away from a tensor whose axes do not begin with the batch")
    return replace(call.place, axis=call.place.axis - sum(axis < call.place.axis for axis in gone))
