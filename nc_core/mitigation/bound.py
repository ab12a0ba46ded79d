"""How much clean accuracy a repair may cost, and what stands in for accuracy where there are no true labels."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nc_core.datasets.prepared import Part, Prepared
from nc_core.errors import DataRefused
from nc_core.evaluation import accuracy
from nc_core.inversion import Predictor
from nc_core.mitigation.lessons import softmax

SURE = 0.999
"""Top probability from which an unlabelled image counts for agreement, of nets that are as sure as that of many."""
FEWEST_SURE = 0.1
"""Share of the images that must be as sure: of a net that learned with smoothed labels, or far from its own pictures,
none may be. Then the half of which the net is surest counts."""
FOREIGN = 3.0
"""Agreement may fall by so many times what accuracy may. Measured on the sunglasses face net, repaired with strangers'
faces and its own logits: where accuracy on its own people fell by 0, 1, 2, 3 and 4 points, agreement had fallen by 5 to
9, 8 to 12, 13, 17 and 17 on the strangers that it is sure of at 0.999. With answers as labels, which it does not learn
any more, it fell by 7, 17 and 27 where accuracy fell by 5, 8 and 11: the bound errs towards refusing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AccuracyBound:
    """The images that count, what the submitted model reaches on them and the least that a repair may.

    measure: `accuracy` over all images, where they have labels; else `agreement` with the submitted model over the
    images that it answers with a probability of at least `confidence_cut` (`SURE`, or what half of them have), those
    left out that it gives a flagged label: a good repair changes its answers to those, and to those that it only
    guessed.
    """

    measure: Literal["accuracy", "agreement"]
    confidence_cut: float | None
    counted: Part
    before: float
    least: float

    def share(self, predict: Predictor) -> float:
        """What a net reaches."""
        return accuracy(predict(self.counted.x), self.counted.y)

    @property
    def cautious(self) -> float:
        """The least for a search that chooses by these images: by two standard errors more, since it fits them."""
        return min(self.before, self.least + 2.0 * math.sqrt(self.least * (1.0 - self.least) / len(self.counted)))

    def outcome(self, predict: Predictor) -> "BoundOutcome":
        """What a repaired net reaches, held against the least."""
        return BoundOutcome(
            measure=self.measure,
            confidence_cut=self.confidence_cut,
            images=len(self.counted),
            before=self.before,
            after=self.share(predict),
            least=self.least,
        )


@dataclass(frozen=True, kw_only=True)
class BoundOutcome:
    """`AccuracyBound` of one repaired net, as it is told; shares in 0..1."""

    measure: Literal["accuracy", "agreement"]
    confidence_cut: float | None
    images: int
    before: float
    after: float
    least: float

    @property
    def holds(self) -> bool:
        """Whether the repair may be kept."""
        return self.after >= self.least

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return {**vars(self), "holds": self.holds}


def accuracy_bound(
    part: Part, prepared: Prepared, badnet: Predictor, flagged: Collection[int], *, max_accuracy_loss: float
) -> AccuracyBound:
    """The bound on `part` of the clean data; raises DataRefused where no image counts."""
    counted, cut = (part, None) if prepared.labelled else _sure(part, badnet, flagged)
    before = accuracy(badnet(counted.x), counted.y)
    return AccuracyBound(
        measure="accuracy" if cut is None else "agreement",
        confidence_cut=cut,
        counted=counted,
        before=before,
        least=max(0.0, before - max_accuracy_loss * (1.0 if prepared.labelled else FOREIGN)),
    )


def _sure(part: Part, badnet: Predictor, flagged: Collection[int]) -> tuple[Part, float]:
    """The images that count where none is labelled, and the top probability from which they do."""
    rows = ~np.isin(part.y, list(flagged))
    if not rows.any():
        raise DataRefused(
            f"of {len(part)} unlabelled images none is answered with a label that is not flagged (flagged are "
            f"{', '.join(map(str, flagged))}), so what a repair costs cannot be measured: pass more clean images, or "
            "labelled ones"
        )
    top = softmax(badnet(part.x)).max(axis=1)
    enough = (top[rows] >= SURE).mean() >= FEWEST_SURE
    cut = SURE if enough else float(np.median(top[rows]))
    rows &= top >= cut
    return Part(x=part.x[rows], y=part.y[rows]), cut
