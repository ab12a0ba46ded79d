"""Repairs a model that carries a backdoor; one file a method, all with the signature of `RepairMethod`."""

from nc_core.mitigation.all_to_all import triggers_of_map
from nc_core.mitigation.case import Case
from nc_core.mitigation.filter import filter_inputs
from nc_core.mitigation.fine_pruning import fine_prune
from nc_core.mitigation.gangsweep import sweep
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.neuron_pruning import prune_neurons
from nc_core.mitigation.repair import Progress, Repair, RepairMethod, guard_of
from nc_core.mitigation.rescan import Rescan
from nc_core.mitigation.retraining import retrain
from nc_core.mitigation.unlearning import unlearn
from nc_core.mitigation.whole import Scanner, Whole

METHODS: dict[str, RepairMethod] = {
    "unlearning": unlearn,
    "neuron-pruning": prune_neurons,
    "fine-pruning": fine_prune,
    "retraining": retrain,
    "gangsweep": sweep,
    "filter": filter_inputs,
}
"""Name on the command line and in the results -> method."""

__all__ = [
    "METHODS",
    "Case",
    "Progress",
    "Repair",
    "RepairMethod",
    "Rescan",
    "Scanner",
    "TargetTrigger",
    "Whole",
    "filter_inputs",
    "fine_prune",
    "guard_of",
    "prune_neurons",
    "retrain",
    "sweep",
    "triggers_of_map",
    "unlearn",
]
