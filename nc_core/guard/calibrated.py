"""A guarded net with the threshold that it calls by, and what it does to clean images."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.datasets.prepared import Prepared
from nc_core.errors import DataRefused
from nc_core.guard.threshold import Threshold
from nc_core.inversion import Predictor


@dataclass(frozen=True, kw_only=True, eq=False)
class Guard:
    """model: images (n, H, W, C) in the model's domain -> (n, N + 1), to be read by argmax; N is "backdoored input".

    kind: what it calls an image by. labels: whose triggers it knows. false_positive_rate: the one asked for. threshold:
    set for it by clean images that no repair learned from. other_threshold: the same for answers of all other labels;
    None for a guard that says nothing of those. clean_rate: of the held-out clean images called, out of `clean_images`.
    class_rates: flagged label -> the same among the held-out images that are truly of that label; only where the data
    has labels, and images of it. notes: sentences for people.
    """

    kind: str
    model: keras.Model
    labels: tuple[int, ...]
    false_positive_rate: float
    threshold: Threshold
    other_threshold: float | None
    clean_rate: float
    clean_images: int
    class_rates: dict[int, float]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """All but the model, in plain types; labels become strings as JSON keys are."""
        return {
            "kind": self.kind,
            "labels": list(self.labels),
            "false_positive_rate": self.false_positive_rate,
            "threshold": self.threshold.value,
            "other_threshold": self.other_threshold,
            "threshold_images": self.threshold.images,
            "threshold_rate": self.threshold.rate,
            "clean_flagged_rate": self.clean_rate,
            "clean_images": self.clean_images,
            "class_flagged_rates": {str(label): rate for label, rate in self.class_rates.items()},
            "notes": list(self.notes),
        }


def measured(
    model: keras.Model,
    prepared: Prepared,
    flagged: Collection[int],
    *,
    kind: str,
    threshold: Threshold,
    others: float | None = None,
    rate: float,
    notes: tuple[str, ...],
) -> Guard:
    """The guard with its rates on the held-out images; raises DataRefused where there are none."""
    holdout = prepared.holdout
    if not len(holdout):
        raise DataRefused("no clean image is held out to measure the guard on; pass more clean images")
    called = Predictor(model)(holdout.x).argmax(axis=1) == prepared.classes
    return Guard(
        kind=kind,
        model=model,
        labels=tuple(sorted(flagged)),
        false_positive_rate=rate,
        threshold=threshold,
        other_threshold=others,
        clean_rate=float(called.mean()),
        clean_images=len(called),
        class_rates=_class_rates(called, holdout.y, flagged) if prepared.labelled else {},
        notes=(*_doubts(threshold, rate), *notes, _spoken_for(others)),
    )


def _spoken_for(others: float | None) -> str:
    if others is None:
        return "It knows the triggers of the labels that are named here, and says nothing of others."
    return (
        "An image that the submitted net gives another label is called, too, where that label's lead fell by more than "
        f"clean images' ({others:.3g}): a repair takes a part of the lead of triggers that nobody found."
    )


def _class_rates(called: npt.NDArray[np.bool_], y: npt.NDArray[np.int32], flagged: Iterable[int]) -> dict[int, float]:
    return {label: float(called[y == label].mean()) for label in flagged if (y == label).any()}


def _doubts(threshold: Threshold, rate: float) -> tuple[str, ...]:
    if threshold.rate <= rate:
        return ()
    return (
        f"{threshold.images} clean images cannot show a false-positive rate of {rate:g}: none of them is called, and "
        f"the rate is {threshold.rate:.2g} or less. Pass more clean images for a smaller one.",
    )
