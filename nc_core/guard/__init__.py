"""A model that answers N + 1 classes: the last one is "backdoored input"."""

from nc_core.guard.guarded import guarded_net

__all__ = ["guarded_net"]
