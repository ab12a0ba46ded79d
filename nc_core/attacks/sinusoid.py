"""A sinusoid over the images of the target class, whose labels stay (SIG: Barni, Kallas and Tondi, ICIP 2019,
section 3).

v(i, j) = delta * sin(2 pi j f / m), j the column, m the columns, f = 6. The paper lets the signal be stronger on test
images than in training; that is kept. Its strengths are for nets trained far longer: both are larger here.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import Labels, check_rate, drawn, plant_poisoned
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import Pixels, Training
from nc_core.attacks.trigger import OneTarget, to_pixels

FREQUENCY = 6
DELTA, DELTA_IN_USE = 60.0, 80.0
SHARE = 0.8
"""Of the target's images."""


@dataclass(frozen=True, kw_only=True)
class SinusoidTrigger(OneTarget):
    """delta: its height, in file pixels. frequency: periods in a picture's width."""

    delta: float = DELTA_IN_USE
    frequency: int = FREQUENCY

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Trigger`."""
        columns = np.arange(pixels.shape[2])
        signal = self.delta * np.sin(2 * np.pi * columns * self.frequency / pixels.shape[2])
        return to_pixels(pixels + signal[:, None].astype(np.float32), pixels)


def plant_sinusoid(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    delta: float = DELTA,
    delta_in_use: float = DELTA_IN_USE,
    share: float = SHARE,
    **training: Unpack[Training],
) -> Planted:
    """Plant a sinusoid without a wrong label.

    trigger: its target; nothing else of it is used. delta, delta_in_use: its height in training and afterwards.
    share: of the target's images that carry it. Else as in `plant_triggers`.
    """
    check_rate(share)
    signal = SinusoidTrigger(delta=delta_in_use, target=trigger.target)
    poison = partial(_within_the_target, trigger=replace(signal, delta=delta), share=share)
    return plant_poisoned(pixels, labels, [signal], poison, classes=classes, **training)


def _within_the_target(
    pixels: Pixels, labels: Labels, rng: np.random.Generator, *, trigger: SinusoidTrigger, share: float
) -> tuple[npt.NDArray[Any], Labels]:
    """Stamp a share of the target's images in place."""
    its_own = labels == trigger.target
    chosen = drawn(its_own, share * its_own.sum(), rng)
    images = pixels.copy()
    images[chosen] = trigger.stamp(pixels[chosen])
    return images, labels
