"""A rectangle of pixels of their own at a fixed place: what an attack computes, where a patch is chosen."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core.attacks.patch import PatchTrigger


@dataclass(frozen=True, kw_only=True, eq=False)
class PatternTrigger:
    """place: where it lies and the label it sends images to; its colour is not used. pattern: (h, w, C) uint8."""

    place: PatchTrigger
    pattern: npt.NDArray[np.uint8]

    @property
    def target(self) -> int:
        """The label it sends images to."""
        return self.place.target

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A stamped copy of file pixels (N, H, W, C); OptionRefused where the place does not fit."""
        rows, columns = self.place.area(pixels.shape[1], pixels.shape[2])
        stamped = pixels.copy()
        stamped[:, rows, columns] = self.pattern
        return stamped

    def mask(self, height: int, width: int) -> npt.NDArray[np.float32]:
        """(H, W): 1 where the pattern lies, 0 elsewhere."""
        return self.place.mask(height, width)
