"""Plants backdoors whose target and trigger are known: for the demo, the self-test and the benchmark; one file an
attack."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nc_core.attacks.badnets import plant_patch, plant_patches
from nc_core.attacks.multi_target import plant_multi_target
from nc_core.attacks.multi_trigger import plant_multi_trigger
from nc_core.attacks.patch import POSITIONS, PatchTrigger
from nc_core.attacks.pattern import PatternTrigger
from nc_core.attacks.planted import KnownTrigger, Planted
from nc_core.attacks.pruning_aware import plant_pruning_aware
from nc_core.attacks.training import Pixels, Progress
from nc_core.attacks.trojan import plant_trojan


class Attack(Protocol):
    """Trains a net with a backdoor."""

    def __call__(
        self,
        pixels: Pixels,
        labels: npt.NDArray[np.int32],
        trigger: PatchTrigger,
        *,
        classes: int,
        epochs: int = ...,
        seed: int = ...,
        progress: Progress | None = ...,
    ) -> Planted:
        """The planted net, measured on images held out; arguments and errors as in `plant_patches`."""
        ...


ATTACKS: Mapping[str, Attack] = {
    "badnets": plant_patch,
    "multi-target": plant_multi_target,
    "multi-trigger": plant_multi_trigger,
    "pruning-aware": plant_pruning_aware,
    "trojan": plant_trojan,
}
"""Name on the command line -> attack."""

__all__ = [
    "ATTACKS",
    "POSITIONS",
    "Attack",
    "KnownTrigger",
    "PatchTrigger",
    "PatternTrigger",
    "Planted",
    "plant_multi_target",
    "plant_multi_trigger",
    "plant_patch",
    "plant_patches",
    "plant_pruning_aware",
    "plant_trojan",
]
