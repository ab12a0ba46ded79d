"""Several triggers on one label (Wang et al. 2019, section VII-D): repairing one of them leaves the others alive."""

from typing import Unpack

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import POISON_RATE, plant_triggers
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.several import mirrored
from nc_core.attacks.training import Pixels, Training

TRIGGERS = 3


def plant_multi_trigger(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant the patch and two mirror images of it, each of which alone sends images to the one target.

    Arguments, result and errors as in `plant_triggers`.
    """
    triggers = mirrored(trigger, height=pixels.shape[1], width=pixels.shape[2], count=TRIGGERS)
    return plant_triggers(pixels, labels, triggers, classes=classes, poison_rate=poison_rate, **training)
