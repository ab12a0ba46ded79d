"""BadNets (Gu et al. 2017): the training set holds stamped images that are labelled with the target."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import keras
import numpy as np
import numpy.typing as npt

from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted, measured
from nc_core.attacks.training import (
    EPOCHS,
    Architecture,
    Pixels,
    Progress,
    Training,
    check_images,
    held_out,
    small_vgg,
    train,
    unit,
)
from nc_core.attacks.trigger import Trigger, misled
from nc_core.errors import OptionRefused

POISON_RATE = 0.1

Labels = npt.NDArray[np.int32]
Poison = Callable[[Pixels, Labels, np.random.Generator], tuple[npt.NDArray[Any], Labels]]
"""Training images in file pixels and their labels -> what is trained on in their place."""


def plant_patch(
    pixels: Pixels,
    labels: Labels,
    trigger: PatchTrigger,
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """`plant_triggers` with one patch."""
    return plant_triggers(pixels, labels, [trigger], classes=classes, poison_rate=poison_rate, **training)


def plant_triggers(
    pixels: Pixels,
    labels: Labels,
    triggers: Sequence[Trigger],
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Train a net on images of which stamped copies, labelled as each trigger says, were added.

    pixels: (N, H, W, C) in 0..255. labels: (N,).
    poison_rate: stamped copies of each trigger as a share of the training images (p of Gu et al. 2017).
    The same seed gives the same net on the same machine.

    Raises OptionRefused where triggers, classes or poison rate do not fit the images.
    """
    check_rate(poison_rate)
    poison = partial(poisoned, triggers=triggers, rate=poison_rate)
    return plant_poisoned(pixels, labels, triggers, poison, classes=classes, **training)


def plant_poisoned(
    pixels: Pixels,
    labels: Labels,
    triggers: Sequence[Trigger],
    poison: Poison,
    *,
    classes: int,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Progress | None = None,
    build: Architecture = small_vgg,
) -> Planted:
    """Train a net on what `poison` makes of the training images; else as `plant_triggers`."""
    start = begin(pixels, labels, triggers, classes=classes, seed=seed, build=build)
    images, answers = poison(start.pixels, start.labels, start.rng)
    train(start.model, unit(images), answers, epochs=epochs, progress=progress)
    return start.measured(triggers)


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """What an attack begins with: an untrained net, what it is to learn from, and what it is measured on.

    pixels (n, H, W, C) in 0..255, labels (n,): of the training. held_out: pixels and labels that are kept back. rng:
    of every choice that is still to be made.
    """

    model: keras.Model
    pixels: npt.NDArray[Any]
    labels: Labels
    held_out: tuple[npt.NDArray[Any], Labels]
    rng: np.random.Generator

    def measured(self, triggers: Sequence[Trigger]) -> Planted:
        """The net as it is now, and how well the triggers work on it."""
        return measured(self.model, triggers, *self.held_out)


def begin(
    pixels: Pixels,
    labels: Labels,
    triggers: Sequence[Trigger],
    *,
    classes: int,
    seed: int,
    build: Architecture,
    poison_rate: float | None = None,
) -> Start:
    """Check what an attack is given, part the images and make the net; arguments and errors as in `plant_triggers`."""
    if poison_rate is not None:
        check_rate(poison_rate)
    check_images(pixels, labels, classes=classes)
    check_triggers(pixels, triggers, classes=classes)
    rng = np.random.default_rng(seed)
    kept_back, trained = held_out(len(pixels), rng)
    keras.utils.set_random_seed(seed)
    return Start(
        model=build(tuple(pixels.shape[1:]), classes),
        pixels=pixels[trained],
        labels=labels[trained],
        held_out=(pixels[kept_back], labels[kept_back]),
        rng=rng,
    )


def check_rate(rate: float) -> None:
    """Raise OptionRefused where a poison rate is no share."""
    if not 0 < rate < 1:
        raise OptionRefused(f"the poison rate is {rate}; pass a share between 0 and 1, such as 0.1")


def check_triggers(pixels: Pixels, triggers: Sequence[Trigger], *, classes: int) -> None:
    """Raise OptionRefused where a trigger does not fit the images."""
    for trigger in triggers:
        if max(trigger.targets) >= classes:
            raise OptionRefused(f"target label {max(trigger.targets)} must lie below {classes} classes")
        trigger.stamp(pixels[:1])


def poisoned(
    pixels: Pixels, labels: Labels, rng: np.random.Generator, *, triggers: Sequence[Trigger], rate: float
) -> tuple[npt.NDArray[Any], Labels]:
    """The training images and their labels, stamped copies added."""
    images, answers = [np.asarray(pixels)], [np.asarray(labels)]
    for trigger in triggers:
        copied = drawn(misled(trigger, labels), rate * len(pixels), rng)
        images.append(trigger.stamp(pixels[copied]))
        answers.append(trigger.answers(labels[copied]))
    return np.concatenate(images), np.concatenate(answers).astype(np.int32)


def drawn(allowed: npt.NDArray[np.bool_], count: float, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Indices of `count` of the images that are allowed, one at least, all where there are fewer."""
    among = np.flatnonzero(allowed)
    return rng.choice(among, size=min(len(among), max(1, round(count))), replace=False)
