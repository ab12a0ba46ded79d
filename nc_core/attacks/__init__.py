"""Plants backdoors whose target and trigger are known: for the demo, the self-test and the benchmark; one file an
attack."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nc_core.attacks.adaptive import plant_adaptive
from nc_core.attacks.all_to_all import plant_all_to_all
from nc_core.attacks.badnets import plant_patch, plant_triggers
from nc_core.attacks.blended import plant_blended_noise, plant_blended_picture
from nc_core.attacks.clean_label import plant_clean_label
from nc_core.attacks.colour_shift import plant_colour_shift
from nc_core.attacks.input_dependent import plant_input_dependent
from nc_core.attacks.inversion_aware import plant_inversion_aware
from nc_core.attacks.latent import plant_latent
from nc_core.attacks.low_frequency import plant_low_frequency
from nc_core.attacks.low_rate import plant_low_rate
from nc_core.attacks.multi_target import plant_multi_target
from nc_core.attacks.multi_trigger import plant_multi_trigger
from nc_core.attacks.partial_rate import plant_partial
from nc_core.attacks.patch import POSITIONS, PatchTrigger
from nc_core.attacks.pattern import PatternTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.pruning_aware import plant_pruning_aware
from nc_core.attacks.random_position import plant_random_position
from nc_core.attacks.sinusoid import plant_sinusoid
from nc_core.attacks.source_specific import plant_source_specific
from nc_core.attacks.training import Architecture, Pixels, Progress
from nc_core.attacks.trigger import Trigger, misled
from nc_core.attacks.trojan import plant_trojan
from nc_core.attacks.warping import plant_warping


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
        build: Architecture = ...,
    ) -> Planted:
        """The planted net, measured on images held out; arguments and errors as in `plant_triggers`.

        trigger: the patch, or of attacks that have none the target alone.
        """
        ...


ATTACKS: Mapping[str, Attack] = {
    "badnets": plant_patch,
    "random-position": plant_random_position,
    "blended-noise": plant_blended_noise,
    "blended-picture": plant_blended_picture,
    "sinusoid": plant_sinusoid,
    "warping": plant_warping,
    "input-dependent": plant_input_dependent,
    "low-frequency": plant_low_frequency,
    "colour-shift": plant_colour_shift,
    "clean-label": plant_clean_label,
    "all-to-all": plant_all_to_all,
    "source-specific": plant_source_specific,
    "partial": plant_partial,
    "low-rate": plant_low_rate,
    "latent": plant_latent,
    "inversion-aware": plant_inversion_aware,
    "adaptive": plant_adaptive,
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
    "PatchTrigger",
    "PatternTrigger",
    "Planted",
    "Trigger",
    "misled",
    "plant_multi_target",
    "plant_multi_trigger",
    "plant_patch",
    "plant_pruning_aware",
    "plant_triggers",
    "plant_trojan",
]
