"""Operators that normalise values: by numbers of the file, or by their own mean and variance."""

import numpy as np

from nc_core.intake.onnx.arithmetic import layer_norm, rescaled
from nc_core.intake.onnx.arrays import Array
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.values import Tensor
from nc_core.intake.onnx.wording import EXPORT

GROUP_SCALES_UNTIL = 20
"""The last opset in which GroupNormalization has a scale for each group instead of each channel."""


def batch_norm(call: Call) -> Tensor:
    """BatchNormalization as it is at inference."""
    tensor = call.tensor()
    if call.outputs > 1 or (call.opset >= 14 and call.attributes.flag("training_mode", default=False)):
        raise call.refused("is in training mode", EXPORT)
    place = tensor.order.index(0)
    gamma, beta, mean, variance = (call.weights(number) for number in range(1, 5))
    if np.any(variance < 0):
        raise call.refused("has a variance below 0", "train or export the net anew")
    node = call.layer(
        "BatchNormalization",
        call.net.node(tensor),
        [gamma, beta, mean, variance],
        axis=-1 if place == len(tensor.shape) - 1 else place + 1,
        epsilon=call.attributes.number("epsilon", 1e-5),
        momentum=call.attributes.number("momentum", 0.9),
    )
    return call.same(tensor, node)


def layer_normalization(call: Call) -> Tensor:
    """LayerNormalization over all axes from one on."""
    tensor, rank = call.tensor(), len(call.tensor().shape)
    axes = call.axes_from(call.attributes.whole("axis", -1), rank)
    call.attributes.whole("stash_type", 1)  # in what precision the mean is taken: float32, as all here
    shape = tuple(tensor.shape[axis] for axis in axes)
    arrays = [call.weights(1), *([] if call.at(2) is None else [call.weights(2)])]
    if any(array.shape != shape for array in arrays):
        raise call.refused(f"has a scale or a bias of another shape than {shape}")
    return layer_norm(call, tensor, axes, call.attributes.number("epsilon", 1e-5), arrays)


def instance_norm(call: Call) -> Tensor:
    """InstanceNormalization: every channel by itself, then a factor and a summand for it."""
    tensor = call.tensor()
    if len(tensor.shape) < 2:
        raise call.refused("has no axes beside the channels")
    axes = list(range(1, len(tensor.shape)))
    normal = layer_norm(call, tensor, axes, call.attributes.number("epsilon", 1e-5))
    return _scaled(call, normal, call.weights(1), call.weights(2))


def group_norm(call: Call) -> Tensor:
    """GroupNormalization: runs of channels together, then a factor and a summand for each channel."""
    tensor, groups = call.tensor(), call.attributes.whole("num_groups", 0)
    call.attributes.whole("stash_type", 1)
    channels = tensor.shape[0]
    if groups < 1 or channels % groups:
        raise call.refused(f"has {groups} groups of {channels} channels", EXPORT)
    scale, bias = call.weights(1), call.weights(2)
    if call.opset <= GROUP_SCALES_UNTIL:
        if scale.shape != (groups,) or bias.shape != (groups,):
            raise call.refused(f"has a scale or a bias of another shape than {(groups,)}", EXPORT)
        scale, bias = (np.repeat(array, channels // groups) for array in (scale, bias))
    apart = call.net.reshaped(tensor, (groups, channels // groups, *tensor.shape[1:]))
    axes = list(range(1, len(apart.shape)))
    normal = layer_norm(call, apart, axes, call.attributes.number("epsilon", 1e-5))
    return _scaled(call, call.net.reshaped(normal, tensor.shape), scale, bias)


def _scaled(call: Call, tensor: Tensor, scale: Array, bias: Array) -> Tensor:
    if scale.shape != tensor.shape[:1] or bias.shape != tensor.shape[:1]:
        raise call.refused(f"has a scale or a bias of another shape than {tensor.shape[:1]}", EXPORT)
    if not (np.isfinite(scale).all() and np.isfinite(bias).all()):
        raise call.refused("has a scale or a bias that is not finite", "train or export the net anew")
    return rescaled(call, tensor, scale=scale, offset=bias, axis=0)
