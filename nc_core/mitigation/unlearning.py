"""Unlearning (Wang et al. 2019, section VI-C): fine-tune on images with reversed triggers and their true labels."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from nc_core.mitigation.case import Case
from nc_core.mitigation.finetune import fine_tune, tuning_for
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.repair import Progress, Repair

LEAST_ROUNDS = 2
"""The second is made also where nothing small is found: on the real sunglasses BadNet detection found nothing after the
first, and a third of the true attacks still succeeded."""
RATES = (1.0, 0.3, 0.1)
"""Learning rates that a round tries one after the other, as parts of that of its `Tuning`."""


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
    """One round, at the fastest learning rate that the accuracy bound bears on images that nothing was learned from.

    The fastest, since what it costs can be measured, and what it leaves of the planted trigger cannot.
    """
    tuning = tuning_for(bench.lessons, labelled=bench.case.prepared.labelled)
    before = bench.model.get_weights()
    for nth, part in enumerate(RATES):

        def told(done: float, nth: int = nth) -> None:
            progress((nth + done) / len(RATES))

        bench.model.set_weights(before)
        gentler = replace(tuning, learning_rate=part * tuning.learning_rate)
        fine_tune(bench.model, bench.lessons, known, tuning=gentler, seed=seed, progress=told, should_stop=should_stop)
        if bench.bound.share(bench.predict) >= bench.bound.least:
            break
    progress(1.0)
    return True
