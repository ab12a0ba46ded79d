"""Everything that is found out about a model and its clean data before any label is worked on."""

from nc_core.preflight.check import Preflight, RangeFound, best_accuracy, check, domain_in, likeliest_domain
from nc_core.preflight.compute import quick_compute
from nc_core.preflight.memory import choose_slots, default_budget, estimate
from nc_core.preflight.pace import Pace, pace_of
from nc_core.preflight.ranges import accuracy_tie, candidate
from nc_core.preflight.scaling import same_at_any_scale

__all__ = [
    "Pace",
    "Preflight",
    "RangeFound",
    "accuracy_tie",
    "best_accuracy",
    "candidate",
    "check",
    "choose_slots",
    "default_budget",
    "domain_in",
    "estimate",
    "likeliest_domain",
    "pace_of",
    "quick_compute",
    "same_at_any_scale",
]
