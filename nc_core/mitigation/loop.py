"""The closed loop around every method: patch, look again, and go on until nothing small is found or it costs too much.

The trigger that was reversed is one of several that work; with it dead, the planted one may be alive. So the flagged
labels are inverted afresh on the patched net, and it is patched again with all triggers found so far (Wang et al. 2019,
section VII, for several triggers on one label).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import keras
import numpy as np

from nc_core.inversion import Predictor
from nc_core.mitigation.bound import AccuracyBound, accuracy_bound
from nc_core.mitigation.case import Case
from nc_core.mitigation.changes import changes
from nc_core.mitigation.lessons import Lessons, TargetTrigger, clean_lessons
from nc_core.mitigation.measures import measure
from nc_core.mitigation.repair import Progress, Repair
from nc_core.mitigation.rescan import Found, Rescanner
from nc_core.mitigation.telling import Told
from nc_core.mitigation.wording import notes_of
from nc_core.models import build_logits, with_weights
from nc_core.prepared import Part

MOST_ROUNDS = 5
"""Of patching. Every round costs accuracy; a net that needs more has fallen below any sensible bound before."""

End = Literal["nothing small found", "accuracy bound", "nothing left to patch", "most rounds"]


class Bench:
    """One net under repair and what it is held against.

    model: N logits, changed in place; predict answers as it stands. lessons: clean images to learn from. bound: on the
    fitting images, for decisions on the way; what is reported is measured on others.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.model: keras.Model = build_logits(case.canonical)
        self.predict = Predictor(self.model)
        self.lessons: Lessons = clean_lessons(case.prepared, self.predict, case.triggers, seed=case.seed)
        self.bound = self.bound_on(case.prepared.fit)

    def bound_on(self, part: Part) -> AccuracyBound:
        """The accuracy bound on a part of the clean data, while the net is still the submitted one."""
        case, most = self.case, self.case.max_accuracy_loss
        return accuracy_bound(part, case.prepared, self.predict, case.triggers, max_accuracy_loss=most)


class Patch(Protocol):
    """One round of a method."""

    def __call__(
        self,
        bench: Bench,
        known: Sequence[TargetTrigger],
        *,
        seed: int,
        progress: Callable[[float], None],
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """Patch the bench's net in place; False where there is nothing left that the method could do.

        known: the scan's triggers and those found on the patched net since. Raises Cancelled.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class _Round:
    """A net that stands: its number of rounds, its weights and what a look at it found."""

    rounds: int
    weights: list[Any]
    found: Found


def close_loop(
    case: Case,
    patch: Patch,
    *,
    method: str,
    doing: str,
    least: int = 1,
    most: int = MOST_ROUNDS,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Repair:
    """Repair `case` in rounds of `patch`, `least` at least and `most` at most; the errors of `RepairMethod`.

    A round that takes the net below the accuracy bound is taken back, and the net of the round before is the result;
    the first round has none before it, and ends as a repair that costs too much.
    """
    start = time.perf_counter()
    bench = Bench(case)
    holdout = case.prepared.holdout
    final, before = bench.bound_on(holdout), measure(bench.predict, holdout, case.triggers)
    kept, end = _rounds(bench, patch, doing, least, most, progress, should_stop)
    bench.model.set_weights(kept.weights)
    after, goodnet = measure(bench.predict, holdout, case.triggers), with_weights(case.canonical, bench.model)
    outcome = final.outcome(bench.predict)
    if progress is not None:
        progress(1.0, f"repaired in {kept.rounds} rounds")
    return Repair(
        method=method,
        goodnet=goodnet,
        accuracy_before=before.accuracy,
        accuracy_after=after.accuracy,
        reversed_attack_success_rate_before=before.reversed_rates,
        reversed_attack_success_rate_after=after.reversed_rates,
        recovery_accuracy_before=before.recovery,
        recovery_accuracy_after=after.recovery,
        bound=outcome,
        rescan=kept.found.rescan,
        fresh=kept.found.triggers,
        rounds=kept.rounds,
        changed=changes(case.canonical, goodnet),
        seconds=time.perf_counter() - start,
        notes=notes_of(case, bench.lessons, outcome, kept.found.rescan, rounds=kept.rounds, end=end),
    )


def _rounds(
    bench: Bench,
    patch: Patch,
    doing: str,
    least: int,
    most: int,
    progress: Progress | None,
    should_stop: Callable[[], bool] | None,
) -> tuple[_Round, End]:
    """The last net that stands, and why the loop ended there."""
    case, rescanner = bench.case, Rescanner(bench.case, bench.model)
    known = [TargetTrigger(label, trigger) for label, trigger in case.triggers.items()]
    kept: _Round | None = None
    for rounds in range(1, most + 1):
        told = Told(progress, rounds, most, doing)
        # Each round draws other batches and stamps, and starts its inversions elsewhere than the scan did.
        own = int(np.random.default_rng([case.seed, rounds]).integers(2**31))
        patched = patch(bench, known, seed=own, progress=told.patching, should_stop=should_stop)
        if kept is not None and not patched:
            return kept, "nothing left to patch"
        holds = bench.bound.share(bench.predict) >= bench.bound.least
        if kept is not None and not holds:
            return kept, "accuracy bound"
        found = rescanner.look(seed=own, settle=rounds >= least, progress=told.looking, should_stop=should_stop)
        kept = _Round(rounds=rounds, weights=bench.model.get_weights(), found=found)
        if not holds:
            return kept, "accuracy bound"
        if rounds >= least and not found.small:
            return kept, "nothing small found"
        again = found.small or tuple(case.triggers)
        known += [trigger for trigger in found.triggers if trigger.target in again]
    assert kept is not None
    return kept, "most rounds"
