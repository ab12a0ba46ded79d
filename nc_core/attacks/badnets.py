"""BadNets (Gu et al. 2017): the training set holds stamped images that are labelled with the target."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted, measured
from nc_core.attacks.training import EPOCHS, Pixels, Progress, check_images, held_out, small_vgg, train, unit
from nc_core.errors import OptionRefused

POISON_RATE = 0.1


def plant_patch(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Planted:
    """`plant_patches` with one trigger."""
    return plant_patches(
        pixels, labels, [trigger], classes=classes, poison_rate=poison_rate, epochs=epochs, seed=seed, progress=progress
    )


def plant_patches(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    triggers: Sequence[PatchTrigger],
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Planted:
    """Train a small VGG-like net on images of which stamped copies, labelled with the target, were added.

    pixels: (N, H, W, C) in 0..255. labels: (N,).
    poison_rate: stamped copies of each trigger as a share of the training images (p of Gu et al. 2017).
    progress: called with the share done, 0..1, after every epoch.
    The same seed gives the same net on the same machine; it seeds Keras for the whole process.

    Raises OptionRefused where triggers, classes or poison rate do not fit the images.
    """
    check_images(pixels, labels, classes=classes)
    check_triggers(pixels, triggers, classes=classes, rate=poison_rate)
    rng = np.random.default_rng(seed)
    kept_back, trained = held_out(len(pixels), rng)
    x, y = poisoned(pixels[trained], labels[trained], triggers, poison_rate, rng)
    keras.utils.set_random_seed(seed)
    model = small_vgg(tuple(pixels.shape[1:]), classes)
    train(model, x, y, epochs=epochs, progress=progress)
    return measured(model, triggers, pixels[kept_back], labels[kept_back])


def check_triggers(
    pixels: Pixels, triggers: Sequence[PatchTrigger], *, classes: int, rate: float = POISON_RATE
) -> None:
    """Raise OptionRefused where a trigger or the poison rate does not fit the images."""
    if not 0 < rate < 1:
        raise OptionRefused(f"the poison rate is {rate}; pass a share between 0 and 1, such as 0.1")
    for trigger in triggers:
        if trigger.target >= classes:
            raise OptionRefused(f"target label {trigger.target} must lie below {classes} classes")
        trigger.stamp(pixels[:1])


def poisoned(
    pixels: Pixels,
    labels: npt.NDArray[Any],
    triggers: Sequence[PatchTrigger],
    rate: float,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """The training images in 0..1 and their labels, stamped copies added."""
    images, answers = [np.asarray(pixels)], [np.asarray(labels)]
    for trigger in triggers:
        others = np.flatnonzero(labels != trigger.target)
        copied = rng.choice(others, size=min(len(others), max(1, round(rate * len(pixels)))), replace=False)
        images.append(trigger.stamp(pixels[copied]))
        answers.append(np.full(len(copied), trigger.target))
    return unit(np.concatenate(images)), np.concatenate(answers).astype(np.int32)
