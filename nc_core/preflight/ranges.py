"""Which maps from file pixels to model input fit this pair of model and data?

Most often one does. Where several do, none of them may be left out: clean images cannot tell which of them the model
will be used with, and whoever planted a backdoor may have chosen one (`tied`, `distinct`).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Predict

PROBE_IMAGES = 512
"""Images that candidates are compared on: a difference of 5 points of accuracy is then beyond 2 standard errors."""

ACCURACY_TIE = 0.05
ENTROPY_TIE = 0.05
"""Candidates closer than this (accuracy; entropy as a share of the larger) are a near tie."""

SAME_MAP = 0.25
"""Maps whose black and white lie closer than this share of the narrower one's span count as one: `standardize` and
`imagenet` on most photographs (a tenth apart), no two of the others."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
VALUE_RANGES = ("0..1", "0..255", "-1..1", "standardize", "imagenet")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One candidate with its score: accuracy with labels, entropy of the predicted labels (nats) without."""

    domain: Domain
    score: float
    likelihood: float = 0.0
    """Mean log-probability of the labels; 0 without labels."""
    answers: tuple[int, ...] = ()
    """The label that the net gives each image."""


def candidate(value_range: str, pixels: npt.ArrayLike) -> Domain | None:
    """The named map for pixels (n, H, W, C) in 0..255; None where it makes no sense (ImageNet means on grey)."""
    array = np.asarray(pixels)
    channels = array.shape[-1]
    if value_range == "standardize":
        axes = (0, 1, 2)
        mean, std = array.mean(axis=axes, dtype=np.float64), array.std(axis=axes, dtype=np.float64)
        return _standard(value_range, mean, np.maximum(std, 1e-3))
    if value_range == "imagenet":
        if channels != len(IMAGENET_MEAN):
            return None
        return _standard(value_range, np.array(IMAGENET_MEAN) * 255, np.array(IMAGENET_STD) * 255)
    scale, offset = {"0..1": (1 / 255, 0.0), "0..255": (1.0, 0.0), "-1..1": (2 / 255, -1.0)}[value_range]
    return Domain(value_range=value_range, scale=(scale,) * channels, offset=(offset,) * channels)


def accuracy_tie(images: int) -> float:
    """Difference of accuracy on so many images that may be chance: wider where there are few."""
    return ACCURACY_TIE * by_chance(images)


def by_chance(images: int) -> float:
    """How much wider than on `PROBE_IMAGES` scores scatter on so many images."""
    return max(1.0, sqrt(PROBE_IMAGES / images))


def tied(trials: list[Trial], *, images: int, labelled: bool) -> list[Trial]:
    """The candidates that so many images cannot tell from the best, in the order of `trials`, which is best first."""
    best = max(trial.score for trial in trials)
    tie = accuracy_tie(images) if labelled else ENTROPY_TIE * by_chance(images) * max(best, 1e-9)
    return [trial for trial in trials if best - trial.score < tie]


def distinct(trials: list[Trial], *, same_at_any_scale: bool = False) -> list[Trial]:
    """Of candidates that mean the same the first.

    Those are maps that hardly differ (`SAME_MAP`), and maps that differ by a factor alone where the net is proven to be
    `same_at_any_scale`. Whether a net answers clean images alike is no sign of it: a detector of the trigger that wakes
    in one range alone changes no clean answer.
    """
    kept: list[Trial] = []
    for trial in trials:
        if not any(_same(trial.domain, one.domain, same_at_any_scale) for one in kept):
            kept.append(trial)
    return kept


def _same(first: Domain, second: Domain, same_at_any_scale: bool) -> bool:
    if same_at_any_scale and not any((*first.offset, *second.offset)):
        # A net may tell channels apart, so the factor has to be that of all of them.
        factors = np.asarray(first.scale) / np.asarray(second.scale)
        if np.allclose(factors, factors[0]):
            return True
    apart = np.maximum(np.abs(first.low - second.low), np.abs(first.high - second.high))
    span = np.minimum(first.high - first.low, second.high - second.low)
    return bool((apart <= SAME_MAP * span).all())


def rank_by_labels(
    domains: list[Domain], predict: Predict, pixels: npt.ArrayLike, labels: npt.NDArray[np.int32]
) -> list[Trial]:
    """Candidates by clean accuracy, best first; among near ties the one under which the labels are likeliest.

    A net of ReLUs with small biases answers alike at any scale, but only at its own is it as sure as it is right: at a
    larger one its mistakes become certainties.
    """
    trials = []
    for domain in domains:
        log_p = _log_softmax(predict(domain.to_model(pixels)))
        answers = log_p.argmax(axis=1)
        accuracy = float(np.mean(answers == labels))
        likelihood = float(np.mean(log_p[np.arange(len(labels)), labels]))
        trials.append(Trial(domain=domain, score=accuracy, likelihood=likelihood, answers=tuple(answers.tolist())))
    bar = max(trial.score for trial in trials) - accuracy_tie(len(labels))
    near = [trial for trial in trials if trial.score > bar]
    far = [trial for trial in trials if trial.score <= bar]
    near.sort(key=lambda trial: trial.likelihood, reverse=True)
    return near + sorted(far, key=lambda trial: trial.score, reverse=True)


def rank_by_entropy(domains: list[Domain], predict: Predict, pixels: npt.ArrayLike) -> list[Trial]:
    """Candidates by the entropy of the predicted labels, best first.

    A net fed in the wrong range answers with few labels, and is often very sure of them: mean confidence picks wrong
    ranges, the spread of the answers picked the right one on every real net tried.
    """
    trials = []
    for domain in domains:
        log_p = _log_softmax(predict(domain.to_model(pixels)))
        share = np.bincount(log_p.argmax(axis=1), minlength=log_p.shape[1]) / len(log_p)
        entropy = float(-np.sum(share[share > 0] * np.log(share[share > 0])))
        trials.append(Trial(domain=domain, score=entropy))
    return sorted(trials, key=lambda trial: trial.score, reverse=True)


def _standard(name: str, mean: npt.NDArray[np.float64], std: npt.NDArray[np.float64]) -> Domain:
    return Domain(value_range=name, scale=tuple((1 / std).tolist()), offset=tuple((-mean / std).tolist()))


def _log_softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
