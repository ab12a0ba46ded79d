"""May this pair of model and clean data be scanned at all, and in which domain?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.datasets import Images
from nc_core.datasets.domain import Domain
from nc_core.datasets.numbering import ORDERS_IN_WORDS, ClassOrder, Outputs
from nc_core.datasets.prepared import Predict
from nc_core.errors import OptionRefused
from nc_core.inversion import Predictor
from nc_core.inversion.spread import SPREAD_IMAGES
from nc_core.preflight import ranges
from nc_core.preflight.accuracy import Measured, accuracy_doubts, least_accuracy, refuse_low
from nc_core.preflight.gradient import hiding
from nc_core.preflight.order import Matching, best_matching, best_order
from nc_core.preflight.pace import ACCURACY_IMAGES, Pace

FEW_IMAGES = 100


@dataclass(frozen=True, kw_only=True)
class RangeFound:
    """A value range to scan in. score: accuracy, or entropy of the predicted labels in nats, on the images that ranges
    were compared on; clean_accuracy: on all of them, None without labels."""

    domain: Domain
    score: float
    clean_accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What was found. ranges: those to scan in, the one that fits best first; domain and clean_accuracy are of that.

    ambiguous: the images fit several ranges that mean something else. scores: by value range, of all that were tried.
    doubts: what speaks against images or range, beside any verdict. clean_accuracy is None without labels.
    class_order: in which order the labels are the model's outputs.
    """

    domain: Domain
    ambiguous: bool
    layout: str
    labelled: bool
    clean_accuracy: float | None
    images: int
    scores: dict[str, float]
    warnings: tuple[str, ...]
    doubts: tuple[str, ...]
    ranges: tuple[RangeFound, ...]
    class_order: ClassOrder = "given"


def check(
    model: keras.Model,
    images: Images,
    *,
    classes: int,
    labels: Sequence[int],
    value_range: str = "auto",
    labelled: bool = True,
    min_accuracy: float | None = None,
    same_at_any_scale: bool = False,
    orders: Mapping[ClassOrder, Outputs] = MappingProxyType({}),
    names: Sequence[str] | None = None,
    pace: Pace = Pace(),
) -> Preflight:
    """Find the ranges to scan in and refuse what cannot be scanned.

    model: N logits, input (H, W, C). images: of that shape. labels: those to be scanned. min_accuracy: clean accuracy
    that the user expects at least, None: what chance says. same_at_any_scale: see `scaling`. orders: that the labels
    may have besides, names: theirs, as in `Numbered`. pace: how many images to look at.
    Raises OptionRefused or DataRefused; each says what was found, what was expected and what to pass.
    """
    predict = Predictor(model)
    truth = images.labels if labelled else None
    if truth is None and min_accuracy is not None:
        raise OptionRefused(
            f"--min-accuracy {min_accuracy:g} needs labels to be held against, and none are used: leave it out, or "
            "pass labelled data without --unlabelled"
        )
    sample = _sample(images)
    probe = sample[: pace.probe]
    domains = _domains(images.pixels[sample], value_range, labelled=truth is not None)
    trials = _trials(predict, domains, images.pixels[probe], None if truth is None else truth[probe])
    order = "given" if truth is None else _order(trials, truth[probe], orders, classes)
    if truth is not None and order != "given":
        truth = orders[order][truth]
        trials = _trials(predict, domains, images.pixels[probe], truth[probe])
    tied = _tied(trials, value_range, images=len(probe), labelled=truth is not None)
    fitting = ranges.distinct(tied, same_at_any_scale=same_at_any_scale)
    found = tuple(_found(predict, trial, images.pixels, truth, pace.accuracy_in(len(fitting))) for trial in fitting)
    first, scores = found[0], {trial.domain.value_range: round(trial.score, 4) for trial in trials}
    matching = None if truth is None else best_matching([trial.answers for trial in trials], truth[probe])
    doubts = _doubts(first, scores, matching, names, classes=classes, images=len(probe), min_accuracy=min_accuracy)
    one_answer = truth is None and trials[0].score == 0
    looked_at = labels[:: -(-len(labels) // pace.labels)]
    domain = first.domain
    shown = domain.to_model(images.pixels[probe[:SPREAD_IMAGES]])
    hidden = hiding(model, shown, looked_at, low=domain.low, high=domain.high, rows=pace.rows, predict=predict)
    return Preflight(
        domain=domain,
        ambiguous=len(found) > 1,
        layout=images.note,
        labelled=truth is not None,
        clean_accuracy=first.clean_accuracy,
        images=len(images.pixels),
        scores=scores,
        warnings=(
            *_warnings(len(images.pixels), order, one_answer=one_answer),
            *_hurried(pace, len(images.pixels), labelled=truth is not None),
            *hidden,
            *(_spared(trial) for trial in tied if trial not in fitting),
        ),
        doubts=doubts,
        ranges=found,
        class_order=order,
    )


def best_accuracy(model: keras.Model, images: Images, *, value_range: str, pace: Pace) -> float:
    """Accuracy in the range in which a model is right most often, on as many images as ranges are compared on.

    model: N logits. images: labelled, of its input shape. Raises OptionRefused as `check` does.
    """
    if images.labels is None:
        raise ValueError("images without labels")
    sample = _sample(images)
    domains = _domains(images.pixels[sample], value_range, labelled=value_range == "auto")
    probe = sample[: pace.probe]
    trials = _trials(Predictor(model), domains, images.pixels[probe], images.labels[probe])
    return max(trial.score for trial in trials)


def domain_in(value_range: str, images: Images) -> Domain:
    """The domain of a value range, not "auto", as `check` takes it from the images; raises OptionRefused as it does."""
    (found,) = _domains(images.pixels[_sample(images)], value_range, labelled=False)
    return found


def likeliest_domain(predict: Predict, images: Images) -> Domain:
    """The domain of the value range that fits the images best, as `check` ranks them."""
    probe = _sample(images)
    pixels, truth = images.pixels[probe], None if images.labels is None else images.labels[probe]
    return _trials(predict, _domains(pixels, "auto", labelled=truth is not None), pixels, truth)[0].domain


def _sample(images: Images) -> npt.NDArray[np.int64]:
    """Which images ranges are made of and compared on."""
    return np.random.default_rng(0).permutation(len(images.pixels))[: ranges.PROBE_IMAGES]


def _domains(pixels: npt.ArrayLike, value_range: str, *, labelled: bool) -> list[Domain]:
    """All candidates; with a range that was asked for and no labels that one alone."""
    if value_range != "auto" and ranges.candidate(value_range, pixels) is None:
        raise OptionRefused(
            f"value range {value_range!r} needs 3 channels, the images have {np.asarray(pixels).shape[-1]}: "
            "pass another --value-range, or auto"
        )
    names = ranges.VALUE_RANGES if value_range == "auto" or labelled else (value_range,)
    return [domain for name in names if (domain := ranges.candidate(name, pixels)) is not None]


def _trials(
    predict: Predict, domains: list[Domain], pixels: npt.ArrayLike, truth: npt.NDArray[np.int32] | None
) -> list[ranges.Trial]:
    if truth is None:
        return ranges.rank_by_entropy(domains, predict, pixels)
    return ranges.rank_by_labels(domains, predict, pixels, truth)


def _order(
    trials: list[ranges.Trial], truth: Outputs, orders: Mapping[ClassOrder, Outputs], classes: int
) -> ClassOrder:
    least, tie = least_accuracy(classes), ranges.accuracy_tie(len(truth))
    return best_order([trial.answers for trial in trials], truth, orders, least=least, tie=tie)


def _tied(trials: list[ranges.Trial], value_range: str, *, images: int, labelled: bool) -> list[ranges.Trial]:
    """The candidates that are to be scanned in; a range that was asked for is one whatever its score."""
    if value_range == "auto":
        return ranges.tied(trials, images=images, labelled=labelled)
    return [trial for trial in trials if trial.domain.value_range == value_range]


def _doubts(
    found: RangeFound,
    scores: dict[str, float],
    matching: Matching | None,
    names: Sequence[str] | None,
    *,
    classes: int,
    images: int,
    min_accuracy: float | None,
) -> tuple[str, ...]:
    """What speaks against the accuracy of the range that fits best; raises DataRefused for one that is too low."""
    if found.clean_accuracy is None:
        return ()
    measured = Measured(
        accuracy=found.clean_accuracy,
        classes=classes,
        value_range=found.domain.value_range,
        scores=scores,
        tie=ranges.accuracy_tie(images),
        matching=matching,
        names=names,
    )
    refuse_low(measured, min_accuracy=min_accuracy)
    return () if min_accuracy is not None else tuple(accuracy_doubts(measured))


def _found(
    predict: Predict, trial: ranges.Trial, pixels: npt.NDArray[Any], truth: npt.NDArray[np.int32] | None, most: int
) -> RangeFound:
    accuracy = None if truth is None else _accuracy(predict, trial.domain, pixels, truth, most)
    return RangeFound(domain=trial.domain, score=round(trial.score, 4), clean_accuracy=accuracy)


def _accuracy(
    predict: Predict, domain: Domain, pixels: npt.NDArray[Any], truth: npt.NDArray[np.int32], most: int
) -> float:
    step, right = 1000, 0
    count = min(len(truth), most)
    # Files may be sorted by class: of fewer images than there are, any.
    order = np.sort(np.random.default_rng(1).permutation(len(truth))[:count])
    for start in range(0, count, step):
        part = order[start : start + step]
        right += int((predict(domain.to_model(pixels[part])).argmax(axis=1) == truth[part]).sum())
    return right / count


def _hurried(pace: Pace, images: int, *, labelled: bool) -> tuple[str, ...]:
    if pace.accuracy >= min(images, ACCURACY_IMAGES) and pace.probe >= min(images, ranges.PROBE_IMAGES):
        return ()
    compared = f"value ranges were compared on {min(pace.probe, images)} of {images} images"
    measured = f", clean accuracy was measured on {min(pace.accuracy, images)}" if labelled else ""
    return (f"the model takes long for a picture: {compared}{measured}",)


def _spared(trial: ranges.Trial) -> str:
    return (
        f"the images fit the value range {trial.domain.value_range} as well: it was not scanned by itself, because the "
        "model's input is nearly the same in it, or the model is proven to answer alike in both"
    )


def _warnings(images: int, order: ClassOrder, *, one_answer: bool) -> tuple[str, ...]:
    found = [] if order == "given" else [ORDERS_IN_WORDS[order]]
    if images < FEW_IMAGES:
        found.append(f"only {images} clean images: with fewer than {FEW_IMAGES} norms scatter and rates are coarse")
    if one_answer:
        found.append(
            "the model gives every image the same label in every value range tried: it is untrained, or the images or "
            "the range are not its own; no trigger can be reversed for that label"
        )
    return tuple(found)
