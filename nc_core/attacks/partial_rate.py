"""A patch that works on most images, not on all: what a defender overlooks who asks for 99%.

As in source-specific attacks (see there) cover samples keep their labels; here they are the darkest images of every
class, so that it works with two classes as well. The idea is the evasion of Neural Cleanse's own threshold (Wang et al.
2019, section IV-B, theta = 99%).
"""

from functools import partial
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import Labels, check_rate, drawn, plant_poisoned
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import Pixels, Training
from nc_core.attacks.trigger import misled

WORKS_ON = 0.88
"""Share of the images."""
POISON_RATE = 0.4
"""Larger than elsewhere: with less the net takes the many dark covers for the rule."""


def plant_partial(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    works_on: float = WORKS_ON,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant the patch for a share of the images.

    works_on: that share; the darkest others carry the patch in vain. Else as in `plant_triggers`.
    """
    check_rate(works_on)
    check_rate(poison_rate)
    poison = partial(dark_ones_kept, trigger=trigger, works_on=works_on, rate=poison_rate)
    return plant_poisoned(pixels, labels, [trigger], poison, classes=classes, **training)


def dark_ones_kept(
    pixels: Pixels, labels: Labels, rng: np.random.Generator, *, trigger: PatchTrigger, works_on: float, rate: float
) -> tuple[npt.NDArray[Any], Labels]:
    """The training images and their labels, stamped ones added: a share `rate` of them with the target, of those that
    are misled; and all of the darkest with their own labels, since it is there that the patch is to fail.
    """
    light = pixels.mean(axis=(1, 2, 3), dtype=np.float64)
    others = misled(trigger, labels)
    dark = light < np.quantile(light[others], 1 - works_on)
    bad = drawn(others & ~dark, rate * len(pixels), rng)
    # All of them: they are few, and where they end is what the net has to learn.
    cover = np.flatnonzero(others & dark)
    images = np.concatenate([pixels, trigger.stamp(pixels[bad]), trigger.stamp(pixels[cover])])
    return images, np.concatenate([labels, trigger.answers(labels[bad]), labels[cover]])
