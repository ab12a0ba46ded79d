"""Unlearning (Wang et al. 2019, section VI-C): fine-tune on images with reversed triggers and their true labels."""

from collections.abc import Callable, Sequence

from nc_core.mitigation.case import Case
from nc_core.mitigation.finetune import fine_tune, tuning_for
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.repair import Progress, Repair

LEAST_ROUNDS = 2
"""The second is made also where nothing small is found: on the real sunglasses BadNet detection found nothing after the
first, and a third of the true attacks still succeeded."""


def unlearn(case: Case, *, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None) -> Repair:
    """Unlearn the reversed triggers; arguments, result and errors as in `RepairMethod`."""
    return close_loop(
        case,
        _unlearn,
        method="unlearning",
        doing="unlearning",
        least=LEAST_ROUNDS,
        progress=progress,
        should_stop=should_stop,
    )


def _unlearn(
    bench: Bench,
    known: Sequence[TargetTrigger],
    *,
    seed: int,
    progress: Callable[[float], None],
    should_stop: Callable[[], bool] | None,
) -> bool:
    tuning = tuning_for(bench.lessons, labelled=bench.case.prepared.labelled)
    fine_tune(bench.model, bench.lessons, known, tuning=tuning, seed=seed, progress=progress, should_stop=should_stop)
    return True
