"""What every method of repair takes and gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from nc_core.detection import LabelNorm
from nc_core.intake import CanonicalModel
from nc_core.inversion import Profile, Trigger
from nc_core.models import Compute
from nc_core.prepared import Prepared

Progress = Callable[[float, str], None]
"""Called with the share of the work done, 0..1, and what is being done."""


@dataclass(frozen=True, kw_only=True)
class Rescan:
    """A flagged label inverted afresh on the repaired model; norm None: nothing converged."""

    norm: float | None
    flagged: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Repair:
    """A repaired model and how it was measured, all on held-out images.

    accuracy_*: of clean images (agreement with the submitted model's answers where the data has no labels).
    reversed_attack_success_rate_*: flagged label -> rate of the trigger that the scan reversed, images of the
    target class left out. rescan: flagged label -> fresh inversion of the GoodNet. rounds: of patching.
    notes: sentences for people.
    """

    method: str
    goodnet: CanonicalModel
    accuracy_before: float
    accuracy_after: float
    reversed_attack_success_rate_before: dict[int, float]
    reversed_attack_success_rate_after: dict[int, float]
    rescan: dict[int, Rescan]
    rounds: int
    seconds: float
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """All but the model, in plain types; labels become strings as JSON keys are."""
        return {
            "method": self.method,
            "accuracy_before": self.accuracy_before,
            "accuracy_after": self.accuracy_after,
            "reversed_attack_success_rate_before": _keyed(self.reversed_attack_success_rate_before),
            "reversed_attack_success_rate_after": _keyed(self.reversed_attack_success_rate_after),
            "rescan": {str(key): {"norm": r.norm, "flagged": r.flagged} for key, r in self.rescan.items()},
            "rounds": self.rounds,
            "seconds": self.seconds,
            "notes": list(self.notes),
        }


def _keyed(rates: dict[int, float]) -> dict[str, float]:
    return {str(label): rate for label, rate in rates.items()}


class RepairMethod(Protocol):
    """Repairs a model whose flagged labels and reversed triggers are known."""

    def __call__(
        self,
        canonical: CanonicalModel,
        prepared: Prepared,
        triggers: Mapping[int, Trigger],
        *,
        still_flagged: Callable[[LabelNorm], bool],
        seed: int,
        profile: Profile,
        slots: int,
        compute: Compute = "float32",
        progress: Progress | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Repair:
        """The repaired model with its measures.

        canonical: the submitted model. prepared: clean data; the repair learns from `repair` alone, is
        re-scanned with `fit` and measured on `holdout`. triggers: flagged label -> reversed trigger in the
        model's domain. still_flagged: whether detection would find a label of this fresh norm again
        (`nc_core.detection.StillFlagged`). seed, profile, slots, compute: of the fresh inversions, `profile`
        and `compute` as in the scan. Raises Cancelled when `should_stop` says so, DataRefused where no image is
        left to learn from.
        """
        ...
