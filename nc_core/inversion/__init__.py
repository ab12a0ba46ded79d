"""Reverses, for a label, the smallest trigger that makes the model answer that label (Wang et al. 2019, section IV)."""

from nc_core.inversion.inverter import Inverter, invert_labels
from nc_core.inversion.loop import Progress
from nc_core.inversion.predict import Predictor
from nc_core.inversion.trigger import Begun, Inversion, Trigger
from nc_core.profiles import ALL_PROFILES, FAST, PAPER, PROFILES, THOROUGH, Profile

__all__ = [
    "ALL_PROFILES",
    "FAST",
    "PAPER",
    "PROFILES",
    "THOROUGH",
    "Begun",
    "Inversion",
    "Inverter",
    "Predictor",
    "Profile",
    "Progress",
    "Trigger",
    "invert_labels",
]
