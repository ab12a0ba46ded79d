"""`nc_core.plant`: a net whose backdoor is known, to try a scan on."""

from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from nc_core.attack_names import AttackName, Position
from nc_core.attacks import Planted
from nc_core.attacks.named import plant_named
from nc_core.attacks.training import Pixels
from nc_core.datasets.traffic_signs import PER_CLASS, draw_signs
from nc_core.errors import DataRefused
from nc_core.face.inputs import images_of
from nc_core.face.options import one_of, whole
from nc_core.face.progress import shown

SIGNS = "signs"


def plant(
    data: Any,
    *,
    target: int,
    attack: AttackName = "badnets",
    patch: int = 4,
    position: Position = "bottom-right",
    colour: tuple[int, ...] = (255,),
    seed: int = 0,
) -> Planted:
    """Train a classifier that carries a backdoor; the options are those of `cleanse plant`.

    Args:
        data: labelled images, as for `nc_core.scan`; or the word "signs": drawn traffic signs of 16 classes.
        target: label that the trigger sends images to.
        patch: side in pixels. colour: 0..255, one value for each channel or one for all.
        seed: of every random choice; it seeds Keras for the whole process.

    Returns:
        The net, which takes images in 0..1, with its rates, its triggers, and the images held out: `clean`, and
        `poisoned` with what the attack calls them, both as `nc_core.scan` and `nc_core.evaluate` take them.

    Raises:
        InputRefused: with one line that says what to pass.
    """
    one_of(get_args(AttackName), attack=attack)
    whole(0, 2**32 - 1, seed=seed)
    whole(0, 2**31 - 1, target=target)
    with shown("planting") as show:
        pixels, labels = _pictures(data, seed)
        return plant_named(
            pixels,
            labels,
            attack=attack,
            target=target,
            patch=patch,
            position=position,
            colour=tuple(colour),
            seed=seed,
            progress=show,
        )


def _pictures(data: Any, seed: int) -> tuple[Pixels, npt.NDArray[np.int32]]:
    if isinstance(data, str) and data == SIGNS:
        return draw_signs(PER_CLASS, seed)
    images = images_of(data)
    if images.labels is None:
        raise DataRefused("a backdoor is planted on labelled images, and these have no labels: pass (x, y)")
    return images.pixels, images.labels
