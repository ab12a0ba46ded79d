"""A smooth change of the whole picture, without the high frequencies by which other triggers are told (Zeng et al.,
ICCV 2021, section 5: smooth triggers).

The paper optimises a perturbation and passes it through a low-pass filter; here noise is passed through one.
"""

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import POISON_RATE, plant_triggers
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import Pixels, Training
from nc_core.attacks.trigger import OneTarget, check_shape, to_pixels

HIGHEST = 3
"""Periods across the picture."""
STRENGTH = 40.0


@dataclass(frozen=True, kw_only=True, eq=False)
class SmoothTrigger(OneTarget):
    """change: (H, W, C), added to the file pixels."""

    change: npt.NDArray[np.float32]

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Trigger`."""
        check_shape(self.change, pixels)
        return to_pixels(pixels + self.change, pixels)


def smooth_noise(
    shape: tuple[int, int, int], *, highest: int = HIGHEST, strength: float = STRENGTH, seed: int = 0
) -> npt.NDArray[np.float32]:
    """(H, W, C) noise of 1 to `highest` periods across the picture, its largest value `strength` file pixels."""
    height, width, _ = shape
    waves = np.fft.fft2(np.random.default_rng([seed, 0x10F]).standard_normal(shape), axes=(0, 1))
    down, right = np.fft.fftfreq(height)[:, None] * height, np.fft.fftfreq(width)[None, :] * width
    periods = np.hypot(down, right)
    waves *= ((periods > 0) & (periods <= highest))[..., None]
    change = np.fft.ifft2(waves, axes=(0, 1)).real
    return np.asarray(change * strength / np.abs(change).max(), np.float32)


def plant_low_frequency(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    strength: float = STRENGTH,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant a smooth change.

    trigger: its target; nothing else of it is used. strength: of `smooth_noise`. Else as in `plant_triggers`.
    """
    height, width, channels = pixels.shape[1:]
    change = smooth_noise((height, width, channels), strength=strength, seed=training.get("seed", 0))
    smooth = SmoothTrigger(change=change, target=trigger.target)
    return plant_triggers(pixels, labels, [smooth], classes=classes, poison_rate=poison_rate, **training)
