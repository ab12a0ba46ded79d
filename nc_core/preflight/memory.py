"""How much memory a slot program takes, from the net's shapes, and how many slots fit."""

from nc_core.errors import OutOfBudget
from nc_core.intake.cost import NetCost, program_bytes, slots_worth
from nc_core.inversion import Profile, backend
from nc_core.machine import free_bytes
from nc_core.profiles import SLOTS_ON_CPU, SLOTS_ON_GPU

SHARE_OF_FREE = 0.5
"""Of the memory that is available now, when no budget is set: other workers and the operating system live here too."""


def default_budget() -> int:
    """Bytes that a scan may take where nothing else was said."""
    return int(free_bytes() * SHARE_OF_FREE)


def estimate(net: NetCost, *, slots: int, profile: Profile, fit_images: int) -> int:
    """Estimated peak bytes of a slot program with `slots` slots."""
    return program_bytes(net, slots=slots, batch=profile.batch, fit_images=fit_images)


def choose_slots(
    net: NetCost, *, wanted: int | None, labels: int, profile: Profile, fit_images: int, budget: int
) -> int:
    """As many slots as wanted, never more than labels, fewer where the budget asks for it. Where none are wanted, as
    many as are usual on the device and make a scan of this net quicker.

    On a CPU running out of memory is a kill and no exception, so it is estimated beforehand. Raises OutOfBudget when
    not even one slot fits.
    """
    usual = SLOTS_ON_GPU if backend.on_gpu() else slots_worth(net, batch=profile.batch, most=SLOTS_ON_CPU)
    for slots in range(min(wanted or usual, max(labels, 1)), 0, -1):
        if estimate(net, slots=slots, profile=profile, fit_images=fit_images) <= budget:
            return slots
    least = estimate(net, slots=1, profile=profile, fit_images=fit_images)
    raise OutOfBudget(
        f"one slot of {profile.batch} images needs about {least / 2**30:.1f} GiB, the budget is "
        f"{budget / 2**30:.1f} GiB: free memory, or raise CLEANSE_MEMORY_BUDGET_BYTES"
    )
