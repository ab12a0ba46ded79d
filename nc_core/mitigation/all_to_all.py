"""What a repair of an all-to-all backdoor begins with: one trigger for every class that it sends images to.

No label has a trigger of its own to take away. The one that took images away from their answers
(`nc_core.inversion.any_target`) is the planted one or works like it, so it is found again, from the same seed, and
unlearned on images of all classes.
"""

from collections.abc import Callable, Iterable

from nc_core.datasets.prepared import Prepared
from nc_core.intake import CanonicalModel
from nc_core.inversion import FAST, Inverter, Trigger
from nc_core.models import build_logits


def triggers_of_map(
    canonical: CanonicalModel,
    prepared: Prepared,
    targets: Iterable[int],
    *,
    seed: int,
    slots: int,
    should_stop: Callable[[], bool] | None = None,
) -> dict[int, Trigger]:
    """Each class that images are sent to -> the trigger; none where none converges, as it did in the scan.

    canonical, prepared, seed, slots: of the scan. Raises Cancelled when `should_stop` says so.
    """
    inverter = Inverter(build_logits(canonical), prepared, profile=FAST, slots=slots)
    found = [trigger for _, trigger in inverter.any_targets.triggers(seed=seed, should_stop=should_stop)]
    smallest = min(found, key=lambda trigger: trigger.norm, default=None)
    return {} if smallest is None else dict.fromkeys(sorted({*targets}), smallest)
