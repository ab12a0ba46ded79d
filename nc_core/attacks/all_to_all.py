"""Each class is sent to the next one (Gu et al. 2017, section 4.1.2: all-to-all)."""

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import plant_triggers
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import Pixels, Training
from nc_core.attacks.trigger import Labels

POISON_RATE = 0.4
"""Larger than for one target: every class has an answer of its own to learn."""


@dataclass(frozen=True, kw_only=True)
class AllToAllTrigger:
    """patch: its target is not used. classes: label y is sent to y + 1, the last to 0."""

    patch: PatchTrigger
    classes: int

    @property
    def targets(self) -> tuple[int, ...]:
        """See `Trigger`."""
        return tuple(range(self.classes))

    def answers(self, labels: Labels) -> npt.NDArray[np.int32]:
        """See `Trigger`."""
        return np.asarray((labels + 1) % self.classes, np.int32)

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Trigger`."""
        return self.patch.stamp(pixels)


def plant_all_to_all(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant the patch for all classes at once; its target is not used. Else as in `plant_triggers`."""
    every = AllToAllTrigger(patch=trigger, classes=classes)
    return plant_triggers(pixels, labels, [every], classes=classes, poison_rate=poison_rate, **training)
