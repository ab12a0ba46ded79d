"""Layers and functions that change every value by itself, and softmax."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nc_core.onnx_writer.call import Call
from nc_core.onnx_writer.graph import Value


def _plain(kind: str, **attributes: Any) -> Callable[[Call, str], str]:
    return lambda call, x: call.op(kind, x, **attributes)


def _gelu(call: Call, x: str) -> str:
    """x (1 + erf(x / sqrt 2)) / 2: an operator of its own since opset 20 alone."""
    inner = call.op("Erf", call.op("Div", x, call.array("sqrt_2", np.sqrt(2))))
    share = call.op("Add", inner, call.array("one", 1.0))
    return call.op("Mul", call.op("Mul", x, share), call.array("half", 0.5))


def _silu(call: Call, x: str) -> str:
    return call.op("Mul", x, call.op("Sigmoid", x))


def _clipped(call: Call, x: str, most: float) -> str:
    return call.op("Clip", x, call.array("least", 0.0), call.array("most", most))


FUNCTIONS: Mapping[str, Callable[[Call, str], str]] = {
    "relu": _plain("Relu"),
    "relu6": lambda call, x: _clipped(call, x, 6.0),
    "leaky_relu": _plain("LeakyRelu", alpha=0.2),
    "elu": _plain("Elu"),
    "selu": _plain("Selu"),
    "gelu": _gelu,
    "silu": _silu,
    "sigmoid": _plain("Sigmoid"),
    "hard_sigmoid": _plain("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hard_silu": _plain("HardSwish"),
    "tanh": _plain("Tanh"),
    "softplus": _plain("Softplus"),
    "linear": lambda _, x: x,
    "exponential": _plain("Exp"),
}
"""By their names in `intake.options.ACTIVATIONS`; softmax, which goes along an axis, stands apart."""


def activated(call: Call, value: Value) -> Value:
    """What the layer's own activation makes of a value."""
    name = call.options["activation"]
    if name == "softmax":
        return _softmax(call, value, [len(value.shape) - 1])
    return Value(name=FUNCTIONS[name](call, value.name), shape=value.shape, order=value.order)


def activation(call: Call) -> Value:
    """Activation."""
    return activated(call, call.value)


def relu(call: Call) -> Value:
    """ReLU: x from `threshold` on, at most `max_value`, and below the threshold a slope."""
    most, slope, threshold = (call.options[name] for name in ("max_value", "negative_slope", "threshold"))
    x = call.value.name
    if slope and most is None and not threshold:
        return call.made(call.op("LeakyRelu", x, alpha=slope), call.value.order)
    kept = x if not threshold else _above(call, x, threshold)
    if most is not None:
        kept = _clipped(call, kept, most)
    elif not threshold:
        kept = call.op("Relu", kept)
    if slope:
        below = call.op("Sub", call.array("threshold", threshold), x) if threshold else call.op("Neg", x)
        kept = call.op("Sub", kept, call.op("Mul", call.op("Relu", below), call.array("slope", slope)))
    return call.made(kept, call.value.order)


def _above(call: Call, x: str, threshold: float) -> str:
    """x where it is larger than the threshold, 0 elsewhere."""
    larger = call.op("Greater", x, call.array("threshold", threshold))
    return call.op("Where", larger, x, call.array("nothing", 0.0))


def leaky_relu(call: Call) -> Value:
    """LeakyReLU."""
    return call.made(call.op("LeakyRelu", call.value.name, alpha=call.options["negative_slope"]), call.value.order)


def elu(call: Call) -> Value:
    """ELU."""
    return call.made(call.op("Elu", call.value.name, alpha=call.options["alpha"]), call.value.order)


def prelu(call: Call) -> Value:
    """PReLU: one slope for each place that does not share it."""
    slopes = call.spread("alpha", call.arrays["alpha"], call.value)
    return call.made(call.op("PRelu", call.value.name, slopes), call.value.order)


def softmax(call: Call) -> Value:
    """Softmax along one axis, or along several as if they were one."""
    return _softmax(call, call.value, [call.axis(axis) for axis in call.options["axis"]])


def _softmax(call: Call, value: Value, axes: Sequence[int]) -> Value:
    if len(axes) == 1:
        return Value(
            name=call.op("Softmax", value.name, axis=value.place(axes[0])), shape=value.shape, order=value.order
        )
    value = call.last(axes)
    sizes = [value.shape[axis] for axis in value.order]
    joined = call.reshaped(value.name, "joined", [*sizes[: -len(axes)], int(np.prod(sizes[-len(axes) :]))])
    shares = call.op("Softmax", joined, axis=-1)
    return call.made(call.reshaped(shares, "apart", sizes), value.order)
