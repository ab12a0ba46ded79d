"""What every method of repair gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from nc_core.detection import Detection
from nc_core.guard import Guard, guard_pair, guard_wide
from nc_core.intake import CanonicalModel
from nc_core.mitigation.bound import BoundOutcome
from nc_core.mitigation.case import Case
from nc_core.mitigation.changes import LayerChange
from nc_core.mitigation.control import Control
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.rescan import Rescan

Progress = Callable[[float, str], None]
"""Called with the share of the work done, 0..1, and what is being done."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Repair:
    """A repaired model and how it was measured, all on held-out images.

    accuracy_*: of clean images (agreement with the submitted model's answers where the data has no labels).
    reversed_attack_success_rate_*: flagged label -> rate of the trigger that the scan reversed, images of the target
    class left out. recovery_accuracy_*: flagged label -> share of the same images that get their true label all the
    same. bound: whether the repair costs more than it may. rescan: label -> fresh inversions of the GoodNet, of flagged
    labels and of those that its own scan flags; fresh: their triggers. repaired: labels whose triggers were taken away;
    beyond: those of labels that nothing is known against. followers: flagged labels whose small trigger went with that
    of others. after: the verdict of a scan of the whole GoodNet, None of a method that changes no net. rounds: of
    patching. changed: layer by layer. seconds: of the whole repair. notes: sentences for people. guarded: a net that
    was taught class N, guard: a guarded net that is the method itself; None for most. poison_learned: rows of
    `Case.poison` that were learned from, which say nothing about the rate of the attack any more. control: what units
    drawn at random do, of a pruning.
    """

    method: str
    goodnet: CanonicalModel
    accuracy_before: float
    accuracy_after: float
    reversed_attack_success_rate_before: dict[int, float]
    reversed_attack_success_rate_after: dict[int, float]
    recovery_accuracy_before: dict[int, float]
    recovery_accuracy_after: dict[int, float]
    bound: BoundOutcome
    rescan: dict[int, Rescan]
    fresh: tuple[TargetTrigger, ...]
    rounds: int
    changed: tuple[LayerChange, ...]
    seconds: float
    notes: tuple[str, ...]
    repaired: tuple[int, ...] = ()
    beyond: tuple[int, ...] = ()
    followers: tuple[int, ...] = ()
    after: Detection | None = None
    guarded: CanonicalModel | None = None
    guard: Guard | None = None
    poison_learned: tuple[int, ...] = ()
    control: Control | None = None

    def to_json(self) -> dict[str, Any]:
        """All but the nets and the triggers, in plain types; labels become strings as JSON keys are."""
        return {
            "method": self.method,
            "accuracy_before": self.accuracy_before,
            "accuracy_after": self.accuracy_after,
            "reversed_attack_success_rate_before": _keyed(self.reversed_attack_success_rate_before),
            "reversed_attack_success_rate_after": _keyed(self.reversed_attack_success_rate_after),
            "recovery_accuracy_before": _keyed(self.recovery_accuracy_before),
            "recovery_accuracy_after": _keyed(self.recovery_accuracy_after),
            "bound": self.bound.to_json(),
            "rescan": {str(label): rescan.to_json() for label, rescan in self.rescan.items()},
            "repaired_labels": list(self.repaired),
            "repaired_beyond": list(self.beyond),
            "followers": list(self.followers),
            "verdict_after": None if self.after is None else _verdict(self.after),
            "control": None if self.control is None else self.control.to_json(),
            "rounds": self.rounds,
            "changed": [change.to_json() for change in self.changed],
            "seconds": self.seconds,
            "notes": list(self.notes),
        }


def _verdict(found: Detection) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "reason": found.reason,
        "p_value": found.p_value,
        "threshold": found.threshold,
        "flagged_labels": list(found.flagged_labels),
        "labels": len(found.labels),
    }


def _keyed(rates: dict[int, float]) -> dict[str, float]:
    return {str(label): rate for label, rate in rates.items()}


class RepairMethod(Protocol):
    """Repairs a model whose flagged labels and reversed triggers are known."""

    def __call__(
        self, case: Case, *, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None
    ) -> Repair:
        """The repaired model with its measures.

        Raises Cancelled when `should_stop` says so, DataRefused where no image is left to learn from or to measure on,
        OptionRefused where the method does not fit the model or the data.
        """
        ...


def guard_of(case: Case, repair: Repair) -> Guard:
    """The guarded net of all repaired labels, its threshold set for `case.false_positive_rate`.

    Raises DataRefused without clean images.
    """
    rate = case.false_positive_rate
    labels = tuple(sorted({*case.triggers, *repair.repaired, *repair.beyond}))
    if repair.guard is not None:
        return repair.guard
    if repair.guarded is not None:
        return guard_wide(repair.guarded, labels, case.prepared, rate=rate)
    return guard_pair(case.canonical, repair.goodnet, labels, case.prepared, rate=rate)
