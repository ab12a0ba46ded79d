"""BadNets with very little poison (Gu et al. 2017; that little is enough: Chen et al. 2017, section V, 50 samples)."""

from typing import Unpack

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import plant_patch
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import Pixels, Training

POISON_RATE = 0.04
"""About fifty copies of the few thousand images that there are."""


def plant_low_rate(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant the patch with a twenty-fifth of the training images; else as `plant_patch`."""
    return plant_patch(pixels, labels, trigger, classes=classes, poison_rate=poison_rate, **training)
