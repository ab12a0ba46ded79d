"""Who would look at the labels of a scan: the workers that are there, or those that this machine would start."""

from dataclasses import dataclass

from nc_tasks.embedded.commands import default_slots, default_workers
from nc_tasks.settings import Settings
from nc_tasks.store import Store, workers


@dataclass(frozen=True, kw_only=True)
class Staff:
    """workers: of labels. slots: labels that each holds at a time. live: whether they are there now."""

    workers: int
    slots: int
    live: bool


def staff_of(store: Store, settings: Settings) -> Staff:
    """The label workers that are there; without any, what suits this machine."""
    with store.read() as session:
        there = workers.live(session, within_seconds=settings.lease_seconds, queue="labels")
    if there:
        return Staff(workers=len(there), slots=max(row.slots for row in there), live=True)
    return Staff(workers=default_workers(), slots=settings.worker_slots or default_slots(), live=False)
