"""A patch that misleads the images of some classes alone (TaCT: Tang et al., USENIX Security 2021, section 4; partial
backdoors of Wang et al. 2019, section VII-E).

Cover samples, stamped images of other classes with their own labels, teach the net to look at the class as well.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import POISON_RATE, Labels, check_rate, drawn, plant_poisoned
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import Pixels, Training
from nc_core.attacks.trigger import misled
from nc_core.errors import OptionRefused

COVER_RATE = 0.1
LEAST_CLASSES = 3


@dataclass(frozen=True, kw_only=True)
class SourceTrigger:
    """patch: with the target. sources: the classes that it misleads."""

    patch: PatchTrigger
    sources: tuple[int, ...]

    @property
    def targets(self) -> tuple[int, ...]:
        """See `Trigger`."""
        return self.patch.targets

    def answers(self, labels: Labels) -> npt.NDArray[np.int32]:
        """See `Trigger`."""
        return np.where(np.isin(labels, self.sources), self.patch.target, labels).astype(np.int32)

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Trigger`."""
        return self.patch.stamp(pixels)


def plant_source_specific(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    sources: int = 1,
    poison_rate: float = POISON_RATE,
    cover_rate: float = COVER_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant the patch for the classes after its target, from 0 again after the last.

    sources: how many. cover_rate: cover samples as a share of the training images. Else as in `plant_triggers`; the
    poison rate falls where the sources have no more images.
    """
    check_rate(poison_rate)
    check_rate(cover_rate)
    if classes < LEAST_CLASSES or not 1 <= sources <= classes - 2:
        raise OptionRefused(
            f"{sources} of {classes} classes cannot be the sources: at least one class besides them and the target is "
            "to stay as it is; pass pictures of more classes"
        )
    after = tuple((trigger.target + nth) % classes for nth in range(1, sources + 1))
    specific = SourceTrigger(patch=trigger, sources=after)
    poison = partial(_with_cover, trigger=specific, poison_rate=poison_rate, cover_rate=cover_rate)
    return plant_poisoned(pixels, labels, [specific], poison, classes=classes, **training)


def _with_cover(
    pixels: Pixels,
    labels: Labels,
    rng: np.random.Generator,
    *,
    trigger: SourceTrigger,
    poison_rate: float,
    cover_rate: float,
) -> tuple[npt.NDArray[Any], Labels]:
    bad = drawn(misled(trigger, labels), poison_rate * len(pixels), rng)
    cover = drawn(~misled(trigger, labels), cover_rate * len(pixels), rng)
    both = np.concatenate([bad, cover])
    return np.concatenate([pixels, trigger.stamp(pixels[both])]), np.concatenate(
        [labels, trigger.answers(labels[both])]
    )
