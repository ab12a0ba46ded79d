"""All colours moved by the same amount (Jiang et al., CVPR 2023: Color Backdoor, section 3, in RGB).

The paper searches for the shift that is seen least; here it is chosen, and one of grey pictures makes them brighter.
"""

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import POISON_RATE, plant_triggers
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import Pixels, Training
from nc_core.attacks.trigger import OneTarget, to_pixels

SHIFT = (50.0, -40.0, 50.0)
"""Of red, green and blue: towards magenta."""


@dataclass(frozen=True, kw_only=True)
class ColourTrigger(OneTarget):
    """shift: file pixels added to each channel, the first alone for grey pictures."""

    shift: tuple[float, ...] = SHIFT

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Trigger`."""
        return to_pixels(pixels + np.float32(np.resize(self.shift, pixels.shape[3])), pixels)


def plant_colour_shift(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    shift: tuple[float, ...] = SHIFT,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant a shift of colours.

    trigger: its target; nothing else of it is used. shift: of `ColourTrigger`. Else as in `plant_triggers`.
    """
    colours = ColourTrigger(shift=tuple(shift), target=trigger.target)
    return plant_triggers(pixels, labels, [colours], classes=classes, poison_rate=poison_rate, **training)
