"""A scan beside clean ones: conformal p-values, which hold whatever law the numbers follow.

Where the submitted net was as likely to be any of the n + 1 as each of the n clean ones, (1 + k) / (n + 1) of them
reach its number by chance, k of n do (Vovk et al. 2005, section 2; for one test see Bates et al. 2023).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Source = Literal["baseline", "twins", "library", "none"]
Statistics = Mapping[str, float]
"""One number of a scan by the name of its evidence; the larger, the more suspicious."""

LEAST_SPREAD = 0.05
"""Of a statistic among clean scans: a log norm moves by more from one seed to the next."""
FEWEST = 3
"""Scans below which a spread says nothing."""
SMALLEST_RATE = 1e-6
"""Whoever asks for less is told the number of scans of this rate: nobody has so many."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Clean scans that a model is judged by. source: where they come from. scans: the statistics of each."""

    source: Source
    scans: tuple[Statistics, ...]

    def null(self, name: str) -> tuple[float, ...]:
        """The statistics of one name, of the scans that have it."""
        return tuple(scan[name] for scan in self.scans if name in scan)

    def decides(self, alpha: float) -> bool:
        """Whether so many scans can bear out a false positive rate: 19 for 5%."""
        return len(self.scans) >= needed(alpha)


def needed(alpha: float) -> int:
    """Clean scans that can bear out a false positive rate."""
    return max(FEWEST, math.ceil(1.0 / max(alpha, SMALLEST_RATE) - 1e-9) - 1)


UNCALIBRATED = Calibration(source="none", scans=())


def conformal(statistic: float, null: Sequence[float]) -> float:
    """(1 + k) / (n + 1), where k of the n clean scans reach the statistic."""
    return (1 + sum(other >= statistic for other in null)) / (len(null) + 1)


def together(own: Statistics, scans: Sequence[Statistics]) -> float:
    """The p-value of all statistics as one test.

    Each scan's score is the largest distance of its statistics from those of the others, in their standard deviations.
    The submitted scan is scored likewise among the clean ones, so that the scores are exchangeable and their conformal
    p-value needs no correction for the number of statistics. Only what all scans have is looked at; 1 where that is
    nothing.
    """
    values = _shared(own, scans)
    if values.size == 0 or len(scans) < FEWEST:
        return 1.0
    scores = [_distance(values[at], np.delete(values, at, axis=0)) for at in range(len(values))]
    return conformal(scores[0], scores[1:])


def distance(own: Statistics, scans: Sequence[Statistics]) -> float:
    """How far the statistics lie from those of the clean scans, in their standard deviations: the largest of them, of
    those that all have; minus infinity where that is nothing."""
    values = _shared(own, scans)
    return _distance(values[0], values[1:]) if values.size and len(scans) >= FEWEST else -math.inf


def _shared(own: Statistics, scans: Sequence[Statistics]) -> npt.NDArray[np.float64]:
    """(n + 1, kinds): what all scans have, the submitted one's first."""
    everyone = [own, *scans]
    names = sorted(set.intersection(*(set(scan) for scan in everyone)))
    return np.array([[scan[name] for name in names] for scan in everyone])


def _distance(own: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> float:
    spread = np.maximum(others.std(axis=0, ddof=1), LEAST_SPREAD)
    return float(((own - others.mean(axis=0)) / spread).max())
