"""Several labels, each with a trigger of its own (Wang et al. 2019, section VII-C): the infected labels are the fewer
outliers the more there are of them."""

from dataclasses import replace
from typing import Unpack

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import POISON_RATE, plant_triggers
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.several import mirrored
from nc_core.attacks.training import Pixels, Training
from nc_core.errors import OptionRefused

TARGETS = 3


def plant_multi_target(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant the patch for its target and two mirror images of it for the two labels after that one, from 0 again after
    the last.

    Arguments, result and errors as in `plant_triggers`.
    """
    if classes < TARGETS:
        raise OptionRefused(f"{TARGETS} targets need at least as many classes, the pictures have {classes}")
    places = mirrored(trigger, height=pixels.shape[1], width=pixels.shape[2], count=TARGETS)
    triggers = [replace(place, target=(trigger.target + nth) % classes) for nth, place in enumerate(places)]
    return plant_triggers(pixels, labels, triggers, classes=classes, poison_rate=poison_rate, **training)
