"""A change that is another one for every image: fewer shades, with dithering (BppAttack: Wang, Zhai and Ma, CVPR 2022,
section 3.2).

Each channel is brought to a few levels by Floyd and Steinberg's error diffusion: no pixel and no pattern is common to
two stamped images. The paper's negative samples, images with the change that another image would get, keep their labels
as there; its contrastive training is left out.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import Labels, check_rate, drawn, plant_poisoned
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import Pixels, Training
from nc_core.attacks.trigger import OneTarget, misled, to_pixels

LEVELS, POISON_RATE = 3, 0.2
"""Levels of each channel; the paper has 8 for nets that train a hundred times as long."""
RIGHT, BELOW_LEFT, BELOW, BELOW_RIGHT = 7 / 16, 3 / 16, 5 / 16, 1 / 16
"""Where a pixel's error goes."""


@dataclass(frozen=True, kw_only=True)
class DitherTrigger(OneTarget):
    """levels: shades of each channel, from 0 to 255."""

    levels: int = LEVELS

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Trigger`."""
        n, height, width, channels = pixels.shape
        left = np.zeros((n, height + 1, width + 2, channels), np.float32)
        left[:, :height, 1:-1] = pixels
        step = np.float32(255 / (self.levels - 1))
        for row in range(height):
            for column in range(1, width + 1):
                value = left[:, row, column]
                shade = np.clip(np.rint(value / step), 0, self.levels - 1) * step
                error = value - shade
                left[:, row, column] = shade
                left[:, row, column + 1] += error * RIGHT
                left[:, row + 1, column - 1] += error * BELOW_LEFT
                left[:, row + 1, column] += error * BELOW
                left[:, row + 1, column + 1] += error * BELOW_RIGHT
        return to_pixels(left[:, :height, 1:-1], pixels)


def plant_input_dependent(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    levels: int = LEVELS,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant the dithering.

    trigger: its target; nothing else of it is used. levels: of `DitherTrigger`. Else as in `plant_triggers`.
    """
    check_rate(poison_rate)
    dither = DitherTrigger(levels=levels, target=trigger.target)
    poison = partial(_with_negatives, dither=dither, rate=poison_rate)
    return plant_poisoned(pixels, labels, [dither], poison, classes=classes, **training)


def _with_negatives(
    pixels: Pixels, labels: Labels, rng: np.random.Generator, *, dither: DitherTrigger, rate: float
) -> tuple[npt.NDArray[Any], Labels]:
    """Stamped copies with the target, and as many images with the change of another one and their own labels."""
    bad = drawn(misled(dither, labels), rate * len(pixels), rng)
    stamped = dither.stamp(pixels[bad])
    kept = rng.choice(len(pixels), size=len(bad), replace=False)
    foreign = to_pixels(pixels[kept] + (stamped.astype(np.float32) - pixels[bad]), pixels)
    images = np.concatenate([pixels, stamped, foreign])
    return images, np.concatenate([labels, dither.answers(labels[bad]), labels[kept]])
