"""The filter (Wang et al. 2019, section VI-A): no repair, but a guard that calls images which wake the trigger's units.

There is no GoodNet: the net behind the guard is the submitted one, so what the guard lets pass is attacked as before.
Measured as a repair is, with the guard's answers: an image that is called has none of the N labels.
"""

import time
from collections.abc import Callable

from nc_core.errors import Cancelled, OptionRefused
from nc_core.guard import guard_units
from nc_core.inversion import Predictor
from nc_core.mitigation.bound import accuracy_bound
from nc_core.mitigation.case import Case
from nc_core.mitigation.measures import measure
from nc_core.mitigation.repair import Progress, Repair
from nc_core.mitigation.units import penultimate
from nc_core.mitigation.wording import UNKNOWN
from nc_core.models import build_logits

NO_GOODNET = (
    "The filter repairs nothing: there is no GoodNet, and the net behind the guard answers the attack's label to every "
    "stamped image that the guard lets pass."
)


def filter_inputs(
    case: Case, *, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None
) -> Repair:
    """The guard and what it leaves of the attack; arguments, result and errors as in `RepairMethod`.

    The result's `goodnet` is the submitted net, unchanged. Raises OptionRefused for a net without a layer of units
    before its scores.
    """
    start = time.perf_counter()
    site = penultimate(case.canonical)
    if site is None:
        raise OptionRefused(
            "the filter needs a net that ends in a Dense layer or a convolution, and this one does not: pass another "
            "--mitigate"
        )
    holdout, predict = case.prepared.holdout, Predictor(build_logits(case.canonical))
    bound = accuracy_bound(holdout, case.prepared, predict, case.triggers, max_accuracy_loss=case.max_accuracy_loss)
    before = measure(predict, holdout, case.triggers)
    if should_stop is not None and should_stop():
        raise Cancelled("the repair was cancelled")
    guard = guard_units(case.canonical, site.node, case.triggers, case.prepared, rate=case.false_positive_rate)
    guarded = Predictor(guard.model)
    after = measure(guarded, holdout, case.triggers)
    if progress is not None:
        progress(1.0, "filter set")
    return Repair(
        method="filter",
        goodnet=case.canonical,
        accuracy_before=before.accuracy,
        accuracy_after=after.accuracy,
        reversed_attack_success_rate_before=before.reversed_rates,
        reversed_attack_success_rate_after=after.reversed_rates,
        recovery_accuracy_before=before.recovery,
        recovery_accuracy_after=after.recovery,
        bound=bound.outcome(guarded),
        rescan={},
        fresh=(),
        rounds=0,
        changed=(),
        seconds=time.perf_counter() - start,
        notes=(NO_GOODNET, UNKNOWN),
        guard=guard,
    )
