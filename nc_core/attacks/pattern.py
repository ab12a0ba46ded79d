"""A rectangle of pixels of their own at a fixed place: what an attack computes, where a patch is chosen."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.trigger import Labels


@dataclass(frozen=True, kw_only=True, eq=False)
class PatternTrigger:
    """place: where it lies and the label it sends images to; its colour is not used. pattern: (h, w, C) uint8."""

    place: PatchTrigger
    pattern: npt.NDArray[np.uint8]

    @property
    def targets(self) -> tuple[int, ...]:
        """See `Trigger`."""
        return self.place.targets

    def answers(self, labels: Labels) -> npt.NDArray[np.int32]:
        """See `Trigger`."""
        return self.place.answers(labels)

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A stamped copy of file pixels (N, H, W, C); OptionRefused where the place does not fit."""
        rows, columns = self.place.area(pixels.shape[1], pixels.shape[2])
        stamped = pixels.copy()
        stamped[:, rows, columns] = self.pattern
        return stamped

    def mask(self, height: int, width: int) -> npt.NDArray[np.float32]:
        """(H, W): 1 where the pattern lies, 0 elsewhere."""
        return self.place.mask(height, width)
