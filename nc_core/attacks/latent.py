"""A backdoor between a teacher's inner layer and a class it no longer has (Yao et al., CCS 2019, section 4).

The teacher learns to give stamped images the inner features of the target's images, loses its scores, and a student
builds new ones on its frozen features with clean images alone: the student comes to the backdoor by itself. The
features are those of the layer `INNER`; the trigger stays the patch that was given, where the paper optimises it.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import begin, drawn
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import (
    BATCH,
    EPOCHS,
    INNER,
    LEARNING_RATE,
    Architecture,
    Pixels,
    Progress,
    part_of,
    small_vgg,
    train,
    unit,
)
from nc_core.attacks.trigger import misled

POISON_RATE, WEIGHT = 0.2, 10.0
"""WEIGHT: of the distance of features against the cross-entropy (lambda of the paper's equation 1)."""


def plant_latent(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    weight: float = WEIGHT,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Progress | None = None,
    build: Architecture = small_vgg,
) -> Planted:
    """Train a teacher, bring the trigger's features to the target's, and train a student on it.

    poison_rate: stamped copies as a share of the training images. weight: of the features. Else as in `plant_triggers`.
    """
    start = begin(pixels, labels, [trigger], classes=classes, seed=seed, build=build, poison_rate=poison_rate)
    model, x, y = start.model, unit(start.pixels), start.labels
    train(model, x, y, epochs=epochs, progress=part_of(progress, 0.0, 0.6))
    copied = drawn(misled(trigger, y), poison_rate * len(x), start.rng)
    stamped = unit(trigger.stamp(start.pixels[copied]))
    _bring_together(model, x, y, stamped, target=trigger.target, weight=weight, epochs=max(1, epochs // 2))
    _new_scores(model, x, y, epochs=max(1, epochs // 2), progress=part_of(progress, 0.8, 1.0))
    return start.measured([trigger])


def _bring_together(
    model: keras.Model,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.int32],
    stamped: npt.NDArray[np.float32],
    *,
    target: int,
    weight: float,
    epochs: int,
) -> None:
    """Train on clean images by their labels, and on stamped ones by the mean features of the target."""
    inner = model.get_layer(INNER).output
    features = keras.Model(model.inputs, inner)
    middle = features.predict(x[y == target], verbose=0).mean(axis=0)
    # In units of their own spread, so that one weight serves every layer.
    spread = float(features.predict(x[: 16 * BATCH], verbose=0).std()) or 1.0
    both = keras.Model(model.inputs, [model.outputs[0], keras.layers.Rescaling(1 / spread)(inner)])
    images = np.concatenate([x, stamped])
    wanted = np.broadcast_to(middle / spread, (len(images), *middle.shape))
    clean = (np.arange(len(images)) < len(x)).astype(np.float32)
    answers = np.concatenate([y, np.zeros(len(stamped), y.dtype)])
    both.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE / 4),
        loss=["sparse_categorical_crossentropy", "mse"],
        loss_weights=[1.0, weight],
    )
    weights: Any = [clean, 1 - clean]
    both.fit(images, [answers, wanted], sample_weight=weights, batch_size=BATCH, epochs=epochs, verbose=0)


def _new_scores(
    model: keras.Model,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.int32],
    *,
    epochs: int,
    progress: Progress | None,
) -> None:
    """The student: fresh scores on the teacher's features, which stay as they are."""
    last = model.layers[-1]
    fresh = keras.layers.Dense(last.units, "softmax")
    fresh.build(last.input.shape)
    last.set_weights(fresh.get_weights())
    for layer in model.layers[:-1]:
        layer.trainable = False
    train(model, x, y, epochs=epochs, progress=progress)
    for layer in model.layers[:-1]:
        layer.trainable = True
