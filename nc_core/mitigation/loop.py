"""The closed loop around every method: patch, look again, and go on until nothing small is found or it costs too much.

The trigger that was reversed is one of several that work; with it dead, the planted one may be alive. So the flagged
labels are inverted afresh on the patched net, and it is patched again with all triggers found so far (Wang et al. 2019,
section VII, for several triggers on one label). Where none of them is small any more, all labels of the net are scanned
as those of the submitted one were: whatever stands out now, behind the triggers that are gone, is repaired next. The
first round takes away the triggers of leading labels and suspects: a label whose small trigger goes with theirs has
followed them, and is not repaired for itself.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import keras
import numpy as np

from nc_core.datasets.prepared import Part
from nc_core.errors import NothingToRepair
from nc_core.inversion import Predictor
from nc_core.mitigation.bound import AccuracyBound, BoundOutcome, accuracy_bound
from nc_core.mitigation.case import Case
from nc_core.mitigation.changes import changes
from nc_core.mitigation.lessons import Lessons, TargetTrigger, clean_lessons
from nc_core.mitigation.measures import measure
from nc_core.mitigation.repair import Progress, Repair
from nc_core.mitigation.rescan import Found, Rescanner
from nc_core.mitigation.wording import notes_of
from nc_core.models import build_logits, with_weights

PARTS = (0.75, 0.5, 0.25)
"""Of the way that a round has gone, where all of it costs too much accuracy."""
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


class _RoundProgress:
    """Turns the steps of one round into shares of the whole repair, which never fall.

    rounds: the number of this round, from 1, of at most `most`. doing: what the patching is called.
    """

    def __init__(self, progress: Progress | None, rounds: int, most: int, doing: str) -> None:
        self._progress, self._rounds, self._most, self._doing = progress, rounds, most, doing
        self._furthest = 0.0

    def patching(self, fraction: float) -> None:
        """The share of this round's patching that is done."""
        self._tell(0.4 * fraction, self._doing)

    def looking(self, fraction: float) -> None:
        """The share of this round's fresh inversions that is done; they are made once more after the last patch."""
        self._tell(0.4 + 0.1 * fraction, "inverting repaired labels afresh")

    def finishing(self, fraction: float) -> None:
        """The share of the last patch that is done; it may be made twice."""
        self._tell(0.5 + 0.2 * fraction, f"{self._doing}, last patch")

    def scanning(self, fraction: float) -> None:
        """The share of this round's scan of all labels that is done."""
        self._tell(0.7 + 0.3 * fraction, "scanning all labels again")

    def _tell(self, share: float, doing: str) -> None:
        self._furthest = max(self._furthest, share)
        if self._progress is not None:
            done = (self._rounds - 1 + self._furthest) / self._most
            self._progress(done, f"round {self._rounds} of {self._most}: {doing}")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Round:
    """A net that stands: its number of rounds and their seed, the labels whose triggers were taken away, those beyond
    them, its weights and what a look at it found."""

    rounds: int
    seed: int
    targets: frozenset[int]
    beyond: tuple[int, ...]
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
    last: Patch | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Repair:
    """Repair `case` in rounds of `patch`, `least` at least and `most` at most; the errors of `RepairMethod`.

    last: a patch that is made once, when nothing small is found, with the triggers of `case.beyond` among the known
    ones where accuracy bears that; as large a part of it is kept as accuracy bears. With labels, which say what it
    costs, all that the last look has found is among them, small or not.

    Of a round that takes the net below the accuracy bound, on the images for decisions, as large a part is kept as
    holds it, and the loop ends; where none does, or what is kept falls below the bound on the images that the result is
    measured on, the net of the round before is the result. The first round has none before it, and ends as a repair
    that costs too much. Raises NothingToRepair where the first round can do nothing.
    """
    start = time.perf_counter()
    bench = Bench(case)
    holdout = case.prepared.holdout
    final, before = bench.bound_on(holdout), measure(bench.predict, holdout, case.triggers)
    rescanner = Rescanner(case, bench.model)
    standing, end = _rounds(bench, rescanner, patch, last, method, doing, least, most, progress, should_stop)
    kept, outcome = _last_that_holds(bench, final, standing)
    found = kept.found if kept.found.whole else rescanner.settle(kept.found, seed=kept.seed, should_stop=should_stop)
    after, goodnet = measure(bench.predict, holdout, case.triggers), with_weights(case.canonical, bench.model)
    followers = _followers(case, kept.targets, found)
    end = end if kept is standing[-1] else "accuracy bound"
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
        rescan=found.rescan,
        fresh=found.triggers,
        repaired=tuple(sorted(kept.targets)),
        beyond=kept.beyond,
        followers=followers,
        after=found.whole,
        rounds=kept.rounds,
        changed=changes(case.canonical, goodnet),
        seconds=time.perf_counter() - start,
        notes=notes_of(
            case,
            bench.lessons,
            outcome,
            found,
            followers=followers,
            beyond=kept.beyond,
            rounds=kept.rounds,
            end=end,
        ),
    )


def _rounds(
    bench: Bench,
    rescanner: Rescanner,
    patch: Patch,
    last: Patch | None,
    method: str,
    doing: str,
    least: int,
    most: int,
    progress: Progress | None,
    should_stop: Callable[[], bool] | None,
) -> tuple[list[_Round], End]:
    """The nets that stand, one at least, and why the loop ended with the last."""
    case = bench.case
    known = [TargetTrigger(label, case.triggers[label]) for label in case.first]
    standing, beyond = list[_Round](), tuple[int, ...]()
    for rounds in range(1, most + 1):
        shares = _RoundProgress(progress, rounds, most, doing)
        # Each round draws other batches and stamps, and starts its inversions elsewhere than the scan did.
        own = int(np.random.default_rng([case.seed, rounds]).integers(2**31))
        patched = patch(bench, known, seed=own, progress=shares.patching, should_stop=should_stop)
        if not patched and not standing:
            raise NothingToRepair(
                f"{method} finds nothing in this net that it may change within the accuracy bound: pass another "
                "--mitigate"
            )
        if not patched:
            return standing, "nothing left to patch"
        holds = bench.bound.share(bench.predict) >= bench.bound.least
        if standing and not holds and not _part_of(bench, standing[-1].weights, PARTS, least=bench.bound.cautious):
            return standing, "accuracy bound"
        found = rescanner.look(seed=own, progress=shares.looking, should_stop=should_stop)
        settles = rounds >= least and not found.small
        if settles and holds and last is not None:
            fresh = found.triggers if case.prepared.labelled else ()
            taken = _last(bench, last, [*known, *fresh], seed=own, progress=shares.finishing, should_stop=should_stop)
            if taken is not None:
                beyond = taken
                found = rescanner.look(seed=own, progress=shares.looking, should_stop=should_stop)
            last = None
        if settles and not found.small:
            found = rescanner.settle(found, seed=own, progress=shares.scanning, should_stop=should_stop)
        targets = frozenset(trigger.target for trigger in known)
        standing.append(
            _Round(
                rounds=rounds,
                seed=own,
                targets=targets,
                beyond=beyond,
                weights=bench.model.get_weights(),
                found=found,
            )
        )
        if not holds:
            return standing, "accuracy bound"
        if rounds >= least and not found.small:
            return standing, "nothing small found"
        again = found.small if rounds >= least else targets
        known += [trigger for trigger in found.triggers if trigger.target in again]
    return standing, "most rounds"


def _part_of(bench: Bench, before: list[Any], parts: Sequence[float], *, least: float) -> bool:
    """Whether a part of the way that the net has gone from these weights keeps this accuracy; there it stands then.

    Between two nets of which one was trained from the other, accuracy changes smoothly along the straight line
    (Wortsman et al. 2022): rather half a round than none.
    """
    after = bench.model.get_weights()
    for part in parts:
        bench.model.set_weights([old + part * (new - old) for old, new in zip(before, after, strict=True)])
        if bench.bound.share(bench.predict) >= least:
            return True
    bench.model.set_weights(before)
    return False


def _last(
    bench: Bench, last: Patch, known: Sequence[TargetTrigger], *, seed: int, **how: Any
) -> tuple[int, ...] | None:
    """The labels beyond those under repair that the last patch was of too; None where accuracy bears no part of it.

    With labels it may cost no accuracy, since what it gains is not known; without them what it costs is not known as
    well, and it may go near the bound: by two standard errors, since these images chose the part.
    """
    case, before = bench.case, bench.model.get_weights()
    least = bench.bound.cautious
    if case.prepared.labelled:
        least = max(least, bench.bound.share(bench.predict))
    beyond = [TargetTrigger(label, trigger) for label, trigger in case.beyond.items()]
    for more in [beyond, []] if beyond else [[]]:
        last(bench, [*known, *more], seed=seed, **how)
        if _part_of(bench, before, (1.0, *PARTS), least=least):
            return tuple(trigger.target for trigger in more)
    return None


def _last_that_holds(bench: Bench, final: AccuracyBound, standing: list[_Round]) -> tuple[_Round, BoundOutcome]:
    """The net that has gone furthest within the bound, put on the bench; the first, which cost least, where none is."""
    kept, outcome = standing[0], None
    for kept in reversed(standing):
        bench.model.set_weights(kept.weights)
        outcome = final.outcome(bench.predict)
        if outcome.holds:
            break
    assert outcome is not None
    return kept, outcome


def _followers(case: Case, targets: frozenset[int], found: Found) -> tuple[int, ...]:
    """Flagged labels that have no small trigger any more, though none of theirs was taken away."""
    left = {*found.small, *targets, *case.suspects}
    return tuple(sorted(label for label in case.triggers if label not in left))
