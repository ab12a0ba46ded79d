"""Unlearning (Wang et al. 2019, section VI-C): fine-tune on images with reversed triggers and their true labels."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from nc_core.choice import DEAD
from nc_core.mitigation.case import Case
from nc_core.mitigation.finetune import fine_tune, tuning_for
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench, close_loop
from nc_core.mitigation.measures import attack_rate
from nc_core.mitigation.repair import Progress, Repair
from nc_core.mitigation.rough import rough_triggers

LEAST_ROUNDS = 2
"""The second is made also where nothing small is found: on the real sunglasses BadNet detection found nothing after the
first, and a third of the true attacks still succeeded."""
SLOWER = (1.0, 0.3, 0.1)
"""Learning rates that a round tries one after the other, as parts of the first."""
FASTER = 3.0
"""The first, where the net's own logits are learned, as a multiple of that of `MATCHING`: they hold the net where it
was. On the face net with three triggers one round at 1e-3 left them 1, 20 and 29%, with agreement at .98 on strangers
that the net is sure of; two at 3e-4 left 0, 32 and 45% at .97."""


def unlearn(case: Case, *, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None) -> Repair:
    """Unlearn the reversed triggers; arguments, result and errors as in `RepairMethod`."""
    return close_loop(
        case,
        Unlearning(),
        method="unlearning",
        doing="unlearning",
        least=LEAST_ROUNDS,
        progress=progress,
        should_stop=should_stop,
    )


class Unlearning:
    """One round; without labels the submitted net's rough triggers are unlearned along in all of them."""

    def __init__(self) -> None:
        self._rough: list[TargetTrigger] | None = None

    def __call__(
        self,
        bench: Bench,
        known: Sequence[TargetTrigger],
        *,
        seed: int,
        progress: Callable[[float], None],
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """As in `Patch`."""
        if self._rough is None:
            labelled = bench.case.prepared.labelled
            self._rough = [] if labelled else rough_triggers(bench, seed=seed, should_stop=should_stop)
        unlearn_round(bench, [*known, *self._rough], seed=seed, progress=progress, should_stop=should_stop)
        return True


def unlearn_round(
    bench: Bench,
    known: Sequence[TargetTrigger],
    *,
    seed: int,
    progress: Callable[[float], None],
    should_stop: Callable[[], bool] | None,
) -> None:
    """Unlearn triggers at the fastest learning rate at which the accuracy bound holds and the scan's triggers are dead,
    on images that nothing was learned from.

    The fastest, since what it costs can be measured, and what it leaves of the planted trigger cannot. Where the
    triggers die at none, it is the one that leaves least of them; where none holds the bound with two standard errors
    to spare, the slowest.
    """
    tuning = tuning_for(bench.lessons)
    first = tuning.learning_rate * (FASTER if bench.lessons.logits else 1.0)
    before, best = bench.model.get_weights(), None
    for nth, part in enumerate(SLOWER):

        def told(done: float, nth: int = nth) -> None:
            progress((nth + done) / len(SLOWER))

        bench.model.set_weights(before)
        how = replace(tuning, learning_rate=part * first)
        fine_tune(bench.model, bench.lessons, known, tuning=how, seed=seed, progress=told, should_stop=should_stop)
        left, holds = _left(bench), bench.bound.share(bench.predict) >= bench.bound.cautious
        if holds and (best is None or left < best[0]):
            best = left, bench.model.get_weights()
        if holds and left <= DEAD:
            break
    if best is not None:
        bench.model.set_weights(best[1])
    progress(1.0)


def _left(bench: Bench) -> float:
    """The rate of the flagged label's trigger of the scan that works best; a suspect's may work on a clean net."""
    case = bench.case
    flagged = {label: trigger for label, trigger in case.triggers.items() if label not in case.suspects}
    return max(attack_rate(bench.predict, case.prepared.fit, label, trigger) for label, trigger in flagged.items())
