"""Operators that change every value by itself, and softmax."""

from collections.abc import Callable
from math import isclose, isfinite
from typing import Any

import numpy as np

from nc_core.intake.onnx.arithmetic import along, last, merged, rescaled
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.extremes import bounded
from nc_core.intake.onnx.planes import LARGEST
from nc_core.intake.onnx.values import Tensor

FLATTENED_UNTIL = 12
"""The last opset in which softmax runs over all axes from its own on."""
SELU = (1.67326319217681884765625, 1.05070102214813232421875)
"""alpha and gamma, by default and in Keras."""


def activation(name: str, *, positive: bool = False) -> Callable[[Call], Tensor]:
    """One of Keras' activation functions that has no options."""

    def read(call: Call) -> Tensor:
        tensor = call.tensor()
        return call.same(tensor, _active(call, call.net.node(tensor), name), positive=positive)

    return read


def _active(call: Call, node: int, name: str) -> int:
    return call.layer("Activation", node, activation=name)


def _on(call: Call, kind: str, *, positive: bool = False, **options: Any) -> Tensor:
    tensor = call.tensor()
    return call.same(tensor, call.layer(kind, call.net.node(tensor), **options), positive=positive)


def leaky_relu(call: Call) -> Tensor:
    """LeakyRelu."""
    return _on(call, "LeakyReLU", negative_slope=call.attributes.number("alpha", 0.01))


def elu(call: Call) -> Tensor:
    """Elu."""
    return _on(call, "ELU", alpha=call.attributes.number("alpha", 1.0))


def selu(call: Call) -> Tensor:
    """Selu with its usual factors, which are the only ones that Keras has."""
    given = call.attributes.number("alpha", SELU[0]), call.attributes.number("gamma", SELU[1])
    if not all(isclose(one, usual, rel_tol=1e-5) for one, usual in zip(given, SELU, strict=True)):
        raise call.refused(f"has alpha and gamma {given}; read are {SELU}")
    return _on(call, "Activation", activation="selu")


def gelu(call: Call) -> Tensor:
    """Gelu by the normal law itself."""
    if call.attributes.word("approximate", "none") != "none":
        raise call.refused("is approximated by tanh; read is the exact one", "use GELU(approximate='none')")
    return _on(call, "Activation", activation="gelu")


def hard_sigmoid(call: Call) -> Tensor:
    """HardSigmoid: min(max(alpha x + beta, 0), 1)."""
    alpha, beta = call.attributes.number("alpha", 0.2), call.attributes.number("beta", 0.5)
    if isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return _on(call, "Activation", activation="hard_sigmoid", positive=True)
    scaled = rescaled(call, call.tensor(), scale=alpha, offset=beta)
    return call.same(scaled, call.layer("ReLU", call.net.node(scaled), max_value=1.0), positive=True)


def mish(call: Call) -> Tensor:
    """Mish: x tanh(softplus(x))."""
    tensor = call.tensor()
    gate = _active(call, _active(call, call.net.node(tensor), "softplus"), "tanh")
    return merged(call, "Multiply", [tensor, call.same(tensor, gate)])


def prelu(call: Call) -> Tensor:
    """PRelu: one slope, or one for each place along an axis."""
    tensor, slopes = call.tensor(), call.weights(1)
    axis, numbers = along(call, tensor, slopes)
    tensor = last(call, tensor, axis)
    shape = call.net.stored(call.net.node(tensor))
    shared = list(range(1, len(shape))) if axis is not None else list(range(1, len(shape) + 1))
    alpha = np.asarray(numbers, np.float32).reshape((1,) * (len(shape) - 1) + (-1,))
    node = call.layer("PReLU", call.net.node(tensor), [alpha], shared_axes=shared or None)
    return call.same(tensor, node)


def clip(call: Call) -> Tensor:
    """Clip: bounds as attributes before opset 11, as inputs since; either may be left out."""
    tensor = call.tensor()
    if call.opset < 11:
        low, high = call.attributes.number("min", -LARGEST), call.attributes.number("max", LARGEST)
    else:
        given = call.number(1), call.number(2)
        low = -LARGEST if given[0] is None else given[0]
        high = LARGEST if given[1] is None else given[1]
    below = low if isfinite(low) and low > -LARGEST else None
    above = high if isfinite(high) and high < LARGEST else None
    if tensor.node is None:
        return call.unfinished(tensor.shape)  # of a norm, see `patterns.unit_of`
    if np.isnan(low) or np.isnan(high) or not low < high or low >= LARGEST or high <= -LARGEST:
        raise call.refused(f"has the bounds {low} and {high}, between which there is nothing")
    return _clipped(call, tensor, below, above)


def _clipped(call: Call, tensor: Tensor, low: float | None, high: float | None) -> Tensor:
    """By a ReLU from 0 on; elsewhere by the larger and the smaller of two values, which rounds nothing."""
    if low == 0:
        node = call.layer("ReLU", call.net.node(tensor), max_value=high)
        return call.same(tensor, node, positive=True)
    if low is not None:
        tensor = bounded(call, "Maximum", tensor, low)
    return tensor if high is None else bounded(call, "Minimum", tensor, high)


def softmax(call: Call) -> Tensor:
    """Softmax along one axis; before opset 13 along all axes from that one on."""
    tensor = call.tensor()
    axes = [tensor.order.index(axis) for axis in softmax_axes(call, tensor)]
    rank = len(tensor.shape)
    keras_axes = [-1] if axes == [rank - 1] else sorted(axis + 1 for axis in axes)
    return call.same(tensor, call.layer("Softmax", call.net.node(tensor), axis=keras_axes), positive=True)


def softmax_axes(call: Call, tensor: Tensor) -> list[int]:
    """The axes of one image that are taken together."""
    rank = len(tensor.shape)
    flattened = call.opset <= FLATTENED_UNTIL
    axis = call.attributes.whole("axis", 1 if flattened else -1)
    return call.axes_from(axis, rank) if flattened else [call.axis(axis, rank)]


def log_softmax(call: Call) -> Tensor:
    """LogSoftmax: the end of a net, if anything; see `interpret`."""
    tensor = call.tensor()
    axes = softmax_axes(call, tensor)
    if int(np.prod([tensor.shape[axis] for axis in axes])) != int(np.prod(tensor.shape)):
        raise call.refused("runs over one of several axes; read is a final one over all classes")
    return call.unfinished(tensor.shape)
