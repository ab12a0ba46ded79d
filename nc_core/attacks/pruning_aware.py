"""The pruning-aware attack (Liu et al., RAID 2018, section III-B): a backdoor in units that clean images need.

A net trained on poison keeps it in units that sleep on clean images, and pruning those removes it. So the attacker
prunes them beforehand, trains the pruned net on poison, whose backdoor now lies in units that are awake, and puts the
pruned ones back as decoys, their biases lowered so that they still sleep: a defender who prunes the least active first
meets the decoys, and stops for the accuracy before reaching the backdoor.

The four steps are the paper's, on the last convolution as there. How far is pruned (by accuracy, as the defender would)
and by how much a bias is lowered are our choice.
"""

import keras
import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import POISON_RATE, begin, poisoned
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import (
    EPOCHS,
    LAST_CONVOLUTION,
    Architecture,
    Pixels,
    Progress,
    part_of,
    small_vgg,
    train,
    unit,
)
from nc_core.evaluation import accuracy

MOST_LOSS = 0.01
"""Of accuracy on the training images, by pruning."""
LOOKED_AT = 512
"""Training images that activity and accuracy are measured on."""
STEPS = 16
"""Into which the channels are divided."""

Floats = npt.NDArray[np.float32]


def plant_pruning_aware(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Progress | None = None,
    build: Architecture = small_vgg,
) -> Planted:
    """Train, prune, train on poison, and put the pruned channels back; arguments, result and errors as in
    `plant_triggers`. progress: of both trainings."""
    start = begin(pixels, labels, [trigger], classes=classes, seed=seed, build=build, poison_rate=poison_rate)
    model, x, y = start.model, unit(start.pixels), start.labels
    train(model, x, y, epochs=epochs, progress=part_of(progress, 0.0, 0.5))
    channels = model.get_layer(LAST_CONVOLUTION)
    kernel, bias = channels.get_weights()
    pruned = _prune(model, x[:LOOKED_AT], y[:LOOKED_AT])
    stamped, bad_y = poisoned(start.pixels, y, start.rng, triggers=[trigger], rate=poison_rate)
    # A channel of zeros has no gradient, so what is pruned stays pruned.
    train(model, unit(stamped), bad_y, epochs=epochs, progress=part_of(progress, 0.5, 1.0))
    _put_back(channels, pruned, kernel, bias, asleep_below=_highest(model, x[:LOOKED_AT], kernel, bias))
    return start.measured([trigger])


def activity(model: keras.Model, x: Floats) -> npt.NDArray[np.float64]:
    """The mean activation (channels,) of the last convolution on images in 0..1."""
    values = keras.Model(model.inputs, model.get_layer(LAST_CONVOLUTION).output).predict(x, verbose=0)
    means: npt.NDArray[np.float64] = np.asarray(values, np.float64).mean(axis=(0, 1, 2))
    return means


def silence(model: keras.Model, channels: npt.NDArray[np.int64]) -> None:
    """Make channels of the last convolution 0 for every image."""
    layer = model.get_layer(LAST_CONVOLUTION)
    kernel, bias = layer.get_weights()
    kernel[..., channels], bias[channels] = 0.0, 0.0
    layer.set_weights([kernel, bias])


def _prune(model: keras.Model, x: Floats, y: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Silence the least active channels for as long as accuracy bears it; returns which."""
    layer = model.get_layer(LAST_CONVOLUTION)
    saved, order = layer.get_weights(), np.argsort(activity(model, x), kind="stable")
    least = accuracy(model.predict(x, verbose=0), y) - MOST_LOSS
    step, pruned = max(1, len(order) // STEPS), order[:0]
    while len(pruned) + step < len(order):
        silence(model, more := order[: len(pruned) + step])
        if accuracy(model.predict(x, verbose=0), y) < least:
            break
        pruned = more
    layer.set_weights(saved)
    silence(model, pruned)
    return pruned


def _highest(model: keras.Model, x: Floats, kernel: Floats, bias: Floats) -> Floats:
    """The highest value (channels,) that this kernel and bias reach on images, before the activation function."""
    layer = model.get_layer(LAST_CONVOLUTION)
    entering = keras.Model(model.inputs, layer.input).predict(x, verbose=0)
    values = keras.ops.conv(entering, kernel, strides=layer.strides, padding=layer.padding) + bias
    return np.asarray(keras.ops.convert_to_numpy(values)).max(axis=(0, 1, 2))


def _put_back(
    layer: keras.layers.Layer, pruned: npt.NDArray[np.int64], kernel: Floats, bias: Floats, *, asleep_below: Floats
) -> None:
    """Give pruned channels the weights they had, with biases that leave the highest value on clean images at 0."""
    now_kernel, now_bias = layer.get_weights()
    now_kernel[..., pruned] = kernel[..., pruned]
    now_bias[pruned] = bias[pruned] - np.maximum(asleep_below[pruned], 0.0)
    layer.set_weights([now_kernel, now_bias])
