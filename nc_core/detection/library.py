"""Clean scans that come with Cleanse: what judges a model that no baseline and no twins were given for.

Numbers alone, no nets; `python -m nc_core.zoo.library` made them of a zoo's clean nets, none of the held-out third.
They are of other nets than the submitted one, so their law is a matter of what nets are like, not of exchange: it is
checked on the zoo's held-out nets, and has no say in models of far more labels than any of them has.
"""

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import fmean, stdev
from typing import Any

from nc_core.detection.calibration import LEAST_SPREAD, Statistics

FEW_LABELS = 10
"""Scans of fewer labels have fewer that may be small by chance, and no others to stand out from: a law of their own.
The outlier test finds little there: for 1% per model z must pass 12.6 at 5 labels, 5.9 at 10."""
BEYOND = 2
"""Times the labels of the largest scan in the library from which on it says nothing."""
TAIL = 0.5
"""Part of the clean scans, those with the largest statistics, that the law of the tail is fitted to: a quarter of a
dozen scans would hardly say how long it is."""
FEWEST = 8
"""Clean scans of one law."""


@dataclass(frozen=True, kw_only=True)
class NullScan:
    """A clean net's scan: how many labels it has, and its statistics. name, seed: of the net and of its zoo. least: the
    least p-value of its tests, by the laws of the other scans; None where those cannot be asked, and of earlier ones.
    """

    name: str
    classes: int
    statistics: Statistics
    seed: int = 0
    least: float | None = None


DETECTOR = "neural-cleanse"
"""What made them: what another detector finds of clean nets lies elsewhere."""


@cache
def library() -> tuple[NullScan, ...]:
    """All of them."""
    told: dict[str, Any] = json.loads(files("nc_core.detection").joinpath("library.json").read_text("utf-8"))
    return tuple(NullScan(**scan) for scan in told["scans"])


def scans_by(detector: str) -> tuple[NullScan, ...]:
    """Those that a detector made."""
    return library() if detector == DETECTOR else ()


OF_MANY: tuple[tuple[str, ...], ...] = (
    ("outlier", "lead", "worth", "perturbation"),
    ("outlier", "lead", "worth"),
)
"""Kinds of evidence that are judged together, the first of these that were measured: scans of earlier versions, and
some of those with a budget, have no perturbation, and of some nets it takes more than was tried to reach most labels.
None of them knows a scale: how many pixels a clean label takes
depends on data and image size more than on a backdoor."""
OF_FEW: tuple[tuple[str, ...], ...] = (("lead", "worth"),)
"""The same of few labels: there is hardly a spread of their norms to stand out from."""
PRICES: tuple[tuple[str, ...], ...] = (
    ("universality", "transferability", "partial"),
    ("universality", "transferability"),
)
"""A price beside the net's other labels, how many others follow it, and the norm at a lower attack rate. A trigger of a
part of the images is cheap, and worth little to all: it has a test of its own."""


@dataclass(frozen=True, kw_only=True)
class Law:
    """How statistics of clean nets lie. kinds: that are looked at. scans: the clean ones' statistics. null: the score
    of each among the others."""

    kinds: tuple[str, ...]
    scans: tuple[Statistics, ...]
    null: tuple[float, ...]

    def score(self, own: Statistics) -> float:
        """Sum of the distances by which statistics lie above the mean of the clean scans', in their standard
        deviations, over the root of how many there are. What points the other way takes nothing from the rest."""
        return _score(own, self.scans, self.kinds)

    def p_value(self, score: float) -> float:
        """The chance that a clean scan has this score or more."""
        return tail_p(score, self.null)


def law_of(
    *,
    classes: int,
    measured: Collection[str],
    of: Sequence[tuple[str, ...]] | None = None,
    scans: Sequence[NullScan] | None = None,
) -> Law | None:
    """The law for a model of so many classes by the kinds of evidence that were measured on it.

    of: kinds that are judged together, the first of these that can be; None for those of so many classes. None is
    returned where too little was measured, where there are too few clean scans, or where the model has far more labels
    than any of them. scans: None for all.
    """
    known = library() if scans is None else scans
    if not known or classes > BEYOND * max(scan.classes for scan in known):
        return None
    few = classes < FEW_LABELS
    alike = [scan.statistics for scan in known if (scan.classes < FEW_LABELS) == few]
    wanted = of or (OF_FEW if few else OF_MANY)
    laws = (_law(kinds, alike) for kinds in wanted if {*kinds} <= {*measured})
    return next((law for law in laws if law is not None), None)


def _law(kinds: tuple[str, ...], scans: Sequence[Statistics]) -> Law | None:
    having = [scan for scan in scans if all(kind in scan for kind in kinds)]
    if len(having) < FEWEST:
        return None
    null = (_score(own, having[:at] + having[at + 1 :], kinds) for at, own in enumerate(having))
    return Law(kinds=kinds, scans=tuple(having), null=tuple(null))


def _score(own: Statistics, others: Sequence[Statistics], kinds: Sequence[str]) -> float:
    distances = []
    for kind in kinds:
        values = [other[kind] for other in others]
        distances.append(max(0.0, (own[kind] - fmean(values)) / max(stdev(values), LEAST_SPREAD)))
    return sum(distances) / math.sqrt(len(kinds))


def tail_p(statistic: float, null: Sequence[float], *, part: float = TAIL) -> float:
    """The chance that a clean scan reaches the statistic: the share of those that do, beyond most of them a law fitted
    to the largest, which are this part of them.

    Excesses over the threshold are exponential with a mean that is known from k of them alone, so that a further one
    reaches x with the chance (1 + x / (k m)) ** -k, m their mean (the predictive law of the exponential; Pickands 1975
    for why excesses follow it).
    """
    ordered = sorted(null)
    count = max(2, math.ceil(part * len(ordered)))
    threshold, largest = ordered[-count - 1], ordered[-count:]
    if statistic <= threshold:
        return min(1.0, (1 + sum(other >= statistic for other in ordered)) / (len(ordered) + 1))
    mean = sum(largest) / count - threshold
    if mean <= 0.0:
        return 1 / (len(ordered) + 1)
    return float((count + 1) / (len(ordered) + 1) * (1.0 + (statistic - threshold) / (count * mean)) ** -count)
