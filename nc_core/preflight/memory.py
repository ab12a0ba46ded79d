"""How much memory a slot program takes, from the net's shapes, and how many slots fit."""

import keras
import psutil

from nc_core.errors import OutOfBudget
from nc_core.inversion import Profile, backend
from nc_core.models import activation_floats
from nc_core.slots import ON_CPU, ON_GPU

BYTES_PER_ACTIVATION = 3.0
"""Peak bytes of a forward and backward pass for each float that a layer puts out.

Activations kept for the gradient take 4 bytes each; gradients are freed on the way, and in-place operations (ReLU,
batch normalisation in inference mode) keep no copy of their own. Measured with the slot program at 224x224 by
tests/benchmarks/memory.py.
"""

SHARE_OF_FREE = 0.5
"""Of the memory that is available now, when no budget is set: other workers and the operating system live here too."""


def default_budget() -> int:
    """Bytes that a scan may take where nothing else was said."""
    return int(psutil.virtual_memory().available * SHARE_OF_FREE)


def estimate(model: keras.Model, *, slots: int, profile: Profile, fit_images: int) -> int:
    """Estimated peak bytes of a slot program with `slots` slots."""
    image = 1
    for side in model.input_shape[1:]:
        image *= side
    stamped = slots * profile.batch * (activation_floats(model) + 4 * image) * BYTES_PER_ACTIVATION
    weights = 2 * 4 * model.count_params()
    return int(stamped + weights + 4 * image * fit_images)


def choose_slots(
    model: keras.Model, *, wanted: int | None, labels: int, profile: Profile, fit_images: int, budget: int
) -> int:
    """As many slots as wanted (else `nc_core.slots`, never more than labels), fewer where the budget asks for it.

    On a CPU running out of memory is a kill and no exception, so it is estimated beforehand. Raises OutOfBudget when
    not even one slot fits.
    """
    usual = ON_GPU if backend.on_gpu() else ON_CPU
    for slots in range(min(wanted or usual, max(labels, 1)), 0, -1):
        if estimate(model, slots=slots, profile=profile, fit_images=fit_images) <= budget:
            return slots
    least = estimate(model, slots=1, profile=profile, fit_images=fit_images)
    raise OutOfBudget(
        f"one slot of {profile.batch} images needs about {least / 2**30:.1f} GiB, the budget is "
        f"{budget / 2**30:.1f} GiB: free memory, or raise CLEANSE_MEMORY_BUDGET_BYTES"
    )
