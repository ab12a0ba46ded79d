"""Layers that take means away and divide by deviations."""

import numpy as np

from nc_core.intake.shapes import size
from nc_core.onnx_writer.call import Call
from nc_core.onnx_writer.graph import Value

LEAST_NORM = 1e-6
"""What UnitNormalization takes a smaller norm for: the root of 1e-12."""


def batch_norm(call: Call) -> Value:
    """BatchNormalization: four arrays along one axis."""
    value = call.first(call.axis(call.options["axis"]))
    places = len(call.arrays["moving_mean"])
    learnt = {"gamma": np.ones(places, np.float32), "beta": np.zeros(places, np.float32), **call.arrays}
    names = [call.array(name, learnt[name]) for name in ("gamma", "beta", "moving_mean", "moving_variance")]
    name = call.op("BatchNormalization", value.name, *names, epsilon=call.options["epsilon"])
    return call.made(name, value.order)


def layer_norm(call: Call) -> Value:
    """LayerNormalization: over the last axes here, whichever they are in the canonical net."""
    axes = [call.axis(axis) for axis in call.options["axis"]]
    value = call.last(axes)
    sizes = [call.shape[axis] for axis in sorted(axes)]
    # Keras lays its arrays over the axes in their order in the image, whatever the order in which they are named.
    learnt = {name: array.reshape(sizes) for name, array in call.arrays.items()}
    arrays = [call.array("gamma", learnt.get("gamma", np.ones(sizes, np.float32)))]
    if "beta" in learnt:
        arrays.append(call.array("beta", learnt["beta"]))
    first, epsilon = 1 + len(call.shape) - len(axes), call.options["epsilon"]
    return call.made(call.op("LayerNormalization", value.name, *arrays, axis=first, epsilon=epsilon), value.order)


def group_norm(call: Call) -> Value:
    """GroupNormalization, as PyTorch writes it: each group an instance of its own."""
    axis = call.axis(call.options["axis"])
    value = call.first(axis)
    groups = call.options["groups"] if call.options["groups"] > 0 else call.shape[axis]
    apart = call.reshaped(value.name, "apart", [groups, size(call.shape) // groups])
    ones, zeros = np.ones(groups, np.float32), np.zeros(groups, np.float32)
    epsilon = call.options["epsilon"]
    normal = call.op(
        "InstanceNormalization", apart, call.array("ones", ones), call.array("zeros", zeros), epsilon=epsilon
    )
    name = call.reshaped(normal, "together", [call.shape[each] for each in value.order])
    for kind, which in (("Mul", "gamma"), ("Add", "beta")):
        if which in call.arrays:
            name = call.op(kind, name, call.along(which, call.arrays[which], value, [axis]))
    return call.made(name, value.order)


def unit_norm(call: Call) -> Value:
    """UnitNormalization: values over the root of the sum of their squares."""
    places = sorted(call.value.place(call.axis(axis)) for axis in call.options["axis"])
    norm = call.op("ReduceL2", call.value.name, axes=places, keepdims=1)
    norm = call.op("Max", norm, call.array("least", LEAST_NORM))
    return call.made(call.op("Div", call.value.name, norm), call.value.order)
