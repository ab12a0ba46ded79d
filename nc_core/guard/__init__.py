"""A model that answers N + 1 classes: the last one is "backdoored input"."""

from nc_core.guard.activation import guard_units
from nc_core.guard.calibrated import Guard
from nc_core.guard.pair import guard_pair, guarded_pair
from nc_core.guard.threshold import DEFAULT_RATE, Threshold, check_rate, threshold_for
from nc_core.guard.wide import guard_wide

__all__ = [
    "DEFAULT_RATE",
    "Guard",
    "Threshold",
    "check_rate",
    "guard_pair",
    "guard_units",
    "guard_wide",
    "guarded_pair",
    "threshold_for",
]
