"""May this pair of model and clean data be scanned at all, and in which domain?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.datasets import Images
from nc_core.domain import Domain
from nc_core.errors import DataRefused, OptionRefused
from nc_core.inversion import Predictor
from nc_core.inversion.spread import SPREAD_IMAGES
from nc_core.preflight import ranges
from nc_core.preflight.gradient import hiding
from nc_core.prepared import Predict

FEW_IMAGES = 100
ACCURACY_IMAGES = 10_000
"""Images that clean accuracy is measured on, at most."""
ACCURACY_FLOOR = 0.5
ACCURACY_FLOOR_TWO_CLASSES = 0.65
"""Below this the pair does not fit: on the wrong range real nets score 0 to 60%, on the right one about 95%."""


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What was found. clean_accuracy is None without labels; entropy is of the predicted labels, in nats."""

    domain: Domain
    ambiguous: bool
    layout: str
    labelled: bool
    clean_accuracy: float | None
    images: int
    scores: dict[str, float]
    warnings: tuple[str, ...]


def check(
    model: keras.Model,
    images: Images,
    *,
    classes: int,
    labels: Sequence[int],
    value_range: str = "auto",
    labelled: bool = True,
) -> Preflight:
    """Find the domain and refuse what cannot be scanned.

    model: N logits, input (H, W, C). images: of that shape. labels: those to be scanned. Raises OptionRefused or
    DataRefused; each says what was found, what was expected and what to pass.
    """
    predict = Predictor(model)
    truth = images.labels if labelled else None
    probe = np.random.default_rng(0).permutation(len(images.pixels))[: ranges.PROBE_IMAGES]
    trials = _trials(predict, images.pixels[probe], None if truth is None else truth[probe], value_range)
    domain = trials[0].domain
    scores = {trial.domain.value_range: round(trial.score, 4) for trial in trials}
    accuracy = None if truth is None else _accuracy(predict, domain, images.pixels, truth)
    if accuracy is not None:
        _refuse_low_accuracy(accuracy, classes, scores)
    one_answer = accuracy is None and trials[0].score == 0
    shown = domain.to_model(images.pixels[probe[:SPREAD_IMAGES]])
    hidden = hiding(model, shown, labels, span=float((domain.high - domain.low).max()))
    return Preflight(
        domain=domain,
        ambiguous=value_range == "auto" and ranges.near_tie(trials, labelled=truth is not None),
        layout=images.note,
        labelled=truth is not None,
        clean_accuracy=accuracy,
        images=len(images.pixels),
        scores=scores,
        warnings=(*_warnings(len(images.pixels), one_answer=one_answer), *hidden),
    )


def _trials(
    predict: Predict, pixels: npt.ArrayLike, truth: npt.NDArray[np.int32] | None, value_range: str
) -> list[ranges.Trial]:
    names = ranges.VALUE_RANGES if value_range == "auto" else (value_range,)
    domains = [domain for name in names if (domain := ranges.candidate(name, pixels)) is not None]
    if not domains:
        raise OptionRefused(
            f"value range {value_range!r} needs 3 channels, the images have {np.asarray(pixels).shape[-1]}: "
            "pass another --value-range, or auto"
        )
    if truth is None:
        return ranges.rank_by_entropy(domains, predict, pixels)
    return ranges.rank_by_labels(domains, predict, pixels, truth)


def _accuracy(predict: Predict, domain: Domain, pixels: npt.NDArray[Any], truth: npt.NDArray[np.int32]) -> float:
    step, right = 1000, 0
    count = min(len(truth), ACCURACY_IMAGES)
    for start in range(0, count, step):
        part = slice(start, min(start + step, count))
        right += int((predict(domain.to_model(pixels[part])).argmax(axis=1) == truth[part]).sum())
    return right / count


def _refuse_low_accuracy(accuracy: float, classes: int, scores: dict[str, float]) -> None:
    floor = ACCURACY_FLOOR_TWO_CLASSES if classes == 2 else ACCURACY_FLOOR
    if accuracy >= floor:
        return
    tried = ", ".join(f"{name}: {score:.3f}" for name, score in scores.items())
    raise DataRefused(
        f"clean accuracy is {accuracy:.3f}, expected at least {floor}: the images, their labels or their value range "
        f"do not fit this model (accuracy by value range: {tried}); pass clean data that the model was made for, its "
        "--value-range, or --unlabelled if the labels number the classes differently"
    )


def _warnings(images: int, *, one_answer: bool) -> tuple[str, ...]:
    found = []
    if images < FEW_IMAGES:
        found.append(f"only {images} clean images: with fewer than {FEW_IMAGES} norms scatter and rates are coarse")
    if one_answer:
        found.append(
            "the model gives every image the same label in every value range tried: it is untrained, or the images or "
            "the range are not its own; no trigger can be reversed for that label"
        )
    return tuple(found)
