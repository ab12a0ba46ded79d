"""The Trojan attack (Liu et al., NDSS 2018): a trigger made for a chosen neuron of a net that somebody else trained.

Of the net alone, without its training data (section III-A and III-B): a well connected neuron of an inner layer is
chosen (the largest sum of absolute incoming weights), a trigger is optimised that brings it to a high value, images
that the net is sure of are made by inverting it, and the layers after the neuron learn from these, with and without
trigger. What comes before the neuron is what it was.

The layer, the last convolution, is our choice for a small net, where a patch reaches a dense layer only faintly; so is
that images on the way of their inversion are learned too, with the net's own answers, in place of the paper's denoising
of the last ones: they keep the answers to real images where they were.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.attacks.badnets import begin
from nc_core.attacks.descent import Floats, descend, sigmoid
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.pattern import PatternTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import (
    BATCH,
    EPOCHS,
    INNER,
    LAST_CONVOLUTION,
    Architecture,
    Pixels,
    Progress,
    part_of,
    small_vgg,
    train,
    unit,
)

TARGET_VALUE = 100.0
"""Of the chosen neuron (the paper's default)."""
TRIGGER_STEPS = 200
COPIES = 8
"""Images made for each class."""
SNAPSHOTS = (5, 15, 40, 80)
"""Steps of their inversion at which they are learned."""
ROUGHNESS = 1e-2
"""Price of the differences of neighbouring pixels of such an image."""
CONTRASTS = (3.0, 8.0)
"""Of these images: what is learned on pale ones alone does not hold on real ones, which excite the net more."""
COARSE = 4
"""Blocks a side of the noise that inversions start from."""
BACKGROUNDS = 16
"""Grey and noise behind the trigger while it is made."""
HEAD_EPOCHS, HEAD_RATE = 40, 1e-3


def plant_trojan(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Progress | None = None,
    build: Architecture = small_vgg,
) -> Planted:
    """Train a clean net, the one that is attacked, and put a Trojan into it without looking at an image again.

    trigger: its place, size and target; the colours are what the attack makes. Other arguments, result and errors as in
    `plant_triggers`.
    """
    start = begin(pixels, labels, [trigger], classes=classes, seed=seed, build=build)
    train(start.model, unit(start.pixels), start.labels, epochs=epochs, progress=part_of(progress, 0.0, 0.7))
    made = put_trojan(start.model, trigger, seed=seed, progress=part_of(progress, 0.7, 1.0))
    return start.measured([made])


def put_trojan(
    model: keras.Model, place: PatchTrigger, *, seed: int, progress: Progress | None = None
) -> PatternTrigger:
    """Put a Trojan into a clean net as `small_vgg` makes it, in place; returns the trigger that it answers to."""
    rng = np.random.default_rng([seed, 0x7207])
    trigger = _trigger_for(model, place, rng)
    _tell(progress, 0.3)
    images = _inverted(model, rng)
    answers = np.asarray(model.predict(images, verbose=0))
    _tell(progress, 0.8)
    stamped = unit(trigger.stamp(np.rint(images[answers.argmax(axis=1) != place.target] * 255).astype(np.uint8)))
    wanted = np.zeros((len(stamped), answers.shape[1]), np.float32)
    wanted[:, place.target] = 1.0
    _retrain(model, np.concatenate([images, stamped]), np.concatenate([answers, wanted]))
    _tell(progress, 1.0)
    return trigger


def _trigger_for(model: keras.Model, place: PatchTrigger, rng: np.random.Generator) -> PatternTrigger:
    """The pixels that bring the chosen neuron closest to the target value wherever they reach it, on any background."""
    height, width, channels = model.input_shape[1:]
    rows, columns = place.area(height, width)
    layer = model.get_layer(LAST_CONVOLUTION)
    convolution = keras.Model(model.inputs, layer.output)
    chosen = int(np.abs(layer.get_weights()[0]).sum(axis=(0, 1, 2)).argmax())
    behind = rng.random((BACKGROUNDS, height, width, channels), np.float32)
    behind[: BACKGROUNDS // 2] = behind[: BACKGROUNDS // 2, :1, :1]  # one colour each
    reached = _reached(convolution, behind, (rows, columns), rng)
    hole = 1.0 - place.mask(height, width)[None, :, :, None]
    around = ((0, 0), (rows.start, height - rows.stop), (columns.start, width - columns.stop), (0, 0))

    def loss(u: Any) -> tuple[Any, Any]:
        values = convolution(behind * hole + ops.pad(ops.sigmoid(u), around), training=False)[..., chosen]
        return ops.sum(reached * ops.square(TARGET_VALUE - values)) / BACKGROUNDS, values

    start = rng.normal(0.0, 0.1, (1, place.height, place.width, channels)).astype(np.float32)
    (found,) = descend(loss, start, convolution, at=(TRIGGER_STEPS,))
    return PatternTrigger(place=place, pattern=np.rint(255 * sigmoid(found[0])).astype(np.uint8))


def _reached(convolution: keras.Model, behind: Floats, area: tuple[slice, slice], rng: np.random.Generator) -> Floats:
    """(h, w): 1 at the places of the convolution that answer to the pixels of the area, 0 elsewhere."""
    changed = behind.copy()
    changed[:, area[0], area[1]] = rng.random(changed[:, area[0], area[1]].shape, np.float32)
    difference = np.abs(convolution.predict(changed, verbose=0) - convolution.predict(behind, verbose=0))
    reach = difference.mean(axis=(0, 3))
    return (reach >= reach.max() / 2).astype(np.float32)


def _inverted(model: keras.Model, rng: np.random.Generator) -> Floats:
    """Images (n, H, W, C) in 0..1 on their way to what the net takes for each of its classes."""
    hidden = keras.Model(model.inputs, model.get_layer(INNER).output)
    kernel, bias = model.layers[-1].get_weights()
    classes, (height, width, channels) = len(bias), model.input_shape[1:]
    wanted = ops.one_hot(np.repeat(np.arange(classes), COPIES), classes)

    def loss(u: Any) -> tuple[Any, Any]:
        x = ops.sigmoid(u)
        logits = ops.matmul(hidden(x, training=False), ops.convert_to_tensor(kernel)) + bias
        rough = ops.sum(ops.abs(x[:, 1:] - x[:, :-1])) + ops.sum(ops.abs(x[:, :, 1:] - x[:, :, :-1]))
        return ops.sum(ops.categorical_crossentropy(wanted, logits, from_logits=True)) + ROUGHNESS * rough, logits

    blocks = rng.normal(0.0, 1.0, (classes * COPIES, COARSE, COARSE, channels))
    size = -(-height // COARSE), -(-width // COARSE)
    start = np.repeat(np.repeat(blocks, size[0], axis=1), size[1], axis=2)[:, :height, :width]
    start += rng.normal(0.0, 0.3, start.shape)
    found = np.concatenate(descend(loss, start.astype(np.float32), hidden, at=SNAPSHOTS))
    return np.concatenate([sigmoid(contrast * found) for contrast in CONTRASTS])


def _retrain(model: keras.Model, x: Floats, answers: Floats) -> None:
    """Train what comes after the last convolution, on what enters it, towards the answers (n, N)."""
    values = np.asarray(keras.Model(model.inputs, model.get_layer(INNER).input).predict(x, verbose=0))
    layers = [model.get_layer(INNER), model.layers[-1]]
    head = keras.Sequential(
        [
            keras.Input(values.shape[1:]),
            keras.layers.Dense(layers[0].units, "relu"),
            keras.layers.Dense(layers[1].units, "softmax"),
        ]
    )
    head.set_weights([array for layer in layers for array in layer.get_weights()])
    head.compile(optimizer=keras.optimizers.Adam(HEAD_RATE), loss="categorical_crossentropy")
    head.fit(values, answers, batch_size=BATCH, epochs=HEAD_EPOCHS, verbose=0)
    for layer, trained in zip(layers, head.layers, strict=True):
        layer.set_weights(trained.get_weights())


def _tell(progress: Progress | None, done: float) -> None:
    if progress is not None:
        progress(done)
