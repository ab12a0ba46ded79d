"""Layers that give the same values other axes, or pass them on."""

from nc_core.onnx_writer.call import Call
from nc_core.onnx_writer.graph import Value


def same(call: Call) -> Value:
    """What does nothing when a net answers: the input itself."""
    return call.value


def flatten(call: Call) -> Value:
    """Flatten."""
    if len(call.value.shape) == 1:
        return call.value
    return call.made(call.op("Flatten", call.in_order(), axis=1))


def reshape(call: Call) -> Value:
    """Reshape."""
    if call.shape == call.value.shape:
        return call.value
    return call.made(call.reshaped(call.in_order(), "shape", call.shape))


def permute(call: Call) -> Value:
    """Permute: the values stay where they lie, under other axes."""
    dims = [dim - 1 for dim in call.options["dims"]]
    return call.made(call.value.name, tuple(dims.index(axis) for axis in call.value.order))
