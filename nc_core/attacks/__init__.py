"""Plants backdoors whose target and trigger are known: for the demo, the self-test and the benchmark."""

from nc_core.attacks.patch import POSITIONS, PatchTrigger
from nc_core.attacks.plant import Planted, plant_patch

__all__ = ["POSITIONS", "PatchTrigger", "Planted", "plant_patch"]
