"""Repairs a model that carries a backdoor; one file a method, all with the signature of `RepairMethod`."""

from nc_core.mitigation.repair import Progress, Repair, RepairMethod, Rescan
from nc_core.mitigation.unlearning import unlearn

METHODS: dict[str, RepairMethod] = {"unlearning": unlearn}
"""Name on the command line and in the results -> method."""

__all__ = ["METHODS", "Progress", "Repair", "RepairMethod", "Rescan", "unlearn"]
