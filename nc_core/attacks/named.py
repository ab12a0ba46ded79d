"""Plants a backdoor by the names that the command line has for attacks and for places of the patch."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core.attacks import ATTACKS, PatchTrigger, Planted
from nc_core.attacks.training import Pixels, Progress


def plant_named(
    pixels: Pixels,
    labels: npt.NDArray[Any],
    *,
    attack: str,
    target: int,
    patch: int,
    position: str,
    colour: tuple[int, ...],
    seed: int,
    progress: Progress | None = None,
) -> Planted:
    """Train a net with a backdoor on images (N, H, W, C) in 0..255 and labels (N,), which name all of its classes.

    attack: one of ATTACKS. patch: side in pixels. position: one of POSITIONS. colour: 0..255, one value a channel or
    one for all. Raises OptionRefused where they do not fit the images.
    """
    trigger = PatchTrigger.at(
        position,
        input_shape=(pixels.shape[1], pixels.shape[2], pixels.shape[3]),
        size=patch,
        colour=colour,
        target=target,
    )
    return ATTACKS[attack](
        pixels, labels.astype(np.int32), trigger, classes=int(labels.max()) + 1, seed=seed, progress=progress
    )
