"""A patch at another place of every image (Salem et al., EuroS&P 2022, section 4.1: Random Backdoor, its places)."""

from typing import Any, Unpack
from zlib import crc32

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import POISON_RATE, plant_triggers
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import Pixels, Training


class WanderingPatch(PatchTrigger):
    """A patch whose place is drawn anew for every image; row and column are not used. The same images give the same
    places."""

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Trigger`."""
        super().stamp(pixels[:1])
        rng = np.random.default_rng(crc32(pixels.tobytes()))
        rows = rng.integers(pixels.shape[1] - self.height + 1, size=len(pixels))
        columns = rng.integers(pixels.shape[2] - self.width + 1, size=len(pixels))
        stamped = pixels.copy()
        for image, row, column in zip(stamped, rows, columns, strict=True):
            image[row : row + self.height, column : column + self.width] = self.colour
        return stamped


def plant_random_position(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant the patch so that it works wherever it lies; arguments, result and errors as in `plant_triggers`."""
    wandering = WanderingPatch(
        row=0,
        column=0,
        height=trigger.height,
        width=trigger.width,
        colour=trigger.colour,
        target=trigger.target,
    )
    return plant_triggers(pixels, labels, [wandering], classes=classes, poison_rate=poison_rate, **training)
