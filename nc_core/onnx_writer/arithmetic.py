"""Sums of products, factors and summands, and layers that merge several values."""

from collections.abc import Callable

import numpy as np

from nc_core.intake.shapes import size
from nc_core.onnx_writer.activations import activated
from nc_core.onnx_writer.call import Call
from nc_core.onnx_writer.graph import Value

EPSILON = 1e-7
"""Below which Keras takes no deviation of a Normalization (keras.config.epsilon)."""


def dense(call: Call) -> Value:
    """Dense: a product with a matrix along the last axis."""
    axis = len(call.value.shape) - 1
    value, kernel = call.last([axis]), call.array("kernel", call.arrays["kernel"])
    bias = [call.array("bias", call.arrays["bias"])] if call.options["use_bias"] else []
    if axis == 0 and bias:
        name = call.op("Gemm", value.name, kernel, *bias)
    else:
        name = call.op("MatMul", value.name, kernel)
        name = call.op("Add", name, *bias) if bias else name
    return activated(call, call.made(name, value.order))


def rescaling(call: Call) -> Value:
    """Rescaling: x scale + offset, numbers or one for each place along the last axis."""
    value, last = call.value, [len(call.value.shape) - 1]
    scale, offset = np.float32(call.options["scale"]), np.float32(call.options["offset"])
    name = value.name
    if np.any(scale != 1):
        name = call.op("Mul", name, call.along("scale", scale, value, last))
    if np.any(offset != 0):
        name = call.op("Add", name, call.along("offset", offset, value, last))
    return call.made(name, value.order)


def normalization(call: Call) -> Value:
    """Normalization: (x - mean) / deviation, or the inverse of that."""
    value, axes = call.value, [call.axis(axis) for axis in call.options["axis"] or ()]
    given = call.options if call.options["mean"] is not None else call.arrays
    deviation = np.maximum(np.sqrt(np.float32(given["variance"])), np.float32(EPSILON))
    mean = call.along("mean", given["mean"], value, axes)
    spread = call.along("deviation", deviation, value, axes)
    if call.options["invert"]:
        return call.made(call.op("Add", call.op("Mul", value.name, spread), mean), value.order)
    return call.made(call.op("Div", call.op("Sub", value.name, mean), spread), value.order)


def merge(kind: str) -> Callable[[Call], Value]:
    """A layer that is one operator on two values, on more of them one after the other."""

    def write(call: Call) -> Value:
        values = _alike(call)
        name = values[0].name
        for each in values[1:]:
            name = call.op(kind, name, each.name)
        return call.made(name, values[0].order)

    return write


def average(call: Call) -> Value:
    """Average: the sum by the number of values."""
    summed = merge("Add")(call)
    return call.made(call.op("Div", summed.name, call.array("count", len(call.inputs))), summed.order)


def concatenate(call: Call) -> Value:
    """Concatenate."""
    values = _alike(call)
    place = values[0].place(call.axis(call.options["axis"]))
    return call.made(call.op("Concat", *(each.name for each in values), axis=place), values[0].order)


def dot(call: Call) -> Value:
    """Dot: the product of two matrices, the one's rows with the other's columns."""
    (one, two), (left, right) = call.options["axes"], call.inputs
    rows = call.graph.arranged(left, (2 - one, one - 1))
    columns = call.graph.arranged(right, (two - 1, 2 - two))
    return call.made(call.op("MatMul", rows.name, columns.name))


def _alike(call: Call) -> list[Value]:
    """The inputs with as many axes, in the order of the largest of them."""
    rank = max(len(value.shape) for value in call.inputs)
    values = [_widened(call, value, rank) for value in call.inputs]
    order = max(values, key=lambda value: size(value.shape)).order
    return [call.graph.arranged(value, order) for value in values]


def _widened(call: Call, value: Value, rank: int) -> Value:
    """Axes of size 1 before the others, as Keras has it."""
    more = rank - len(value.shape)
    if not more:
        return value
    name = call.op("Unsqueeze", value.name, call.wholes(f"axes_{more}", range(1, more + 1)))
    order = (*range(more), *(axis + more for axis in value.order))
    return Value(name=name, shape=(1,) * more + value.shape, order=order)
