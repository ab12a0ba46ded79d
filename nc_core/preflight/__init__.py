"""Everything that is found out about a model and its clean data before any label is worked on."""

from nc_core.preflight.check import Preflight, check
from nc_core.preflight.compute import quick_compute
from nc_core.preflight.memory import choose_slots, default_budget, estimate
from nc_core.preflight.ranges import candidate

__all__ = ["Preflight", "candidate", "check", "choose_slots", "default_budget", "estimate", "quick_compute"]
