"""From what clean images score to the threshold above which an image is called backdoored (numpy alone)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core.errors import DataRefused, OptionRefused

DEFAULT_RATE = 0.01
"""Of clean images that may be called backdoored."""
CLEARANCE = 1e-3
"""Between the threshold and the clean image that it is set by, which rounding must not push over it."""

Scores = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """value: images that score above it are called. images: clean ones that it was set by. rate: the chance that
    another clean image of the same origin scores above it, at most."""

    value: float
    images: int
    rate: float


def check_rate(rate: float) -> None:
    """Raise OptionRefused for a false-positive rate that none can be."""
    if not 0.0 < rate < 1.0:
        raise OptionRefused(f"the false-positive rate is {rate}; pass a share of clean images above 0 and below 1")


def threshold_for(scores: Scores, rate: float) -> Threshold:
    """The smallest threshold for scores (n,) of clean images that holds a false-positive rate.

    Order statistics, no law assumed (conformal prediction, Vovk et al. 2005): of n + 1 exchangeable images each is
    equally likely to be the one that scores higher than all but k, so k of the n may lie above where
    (k + 1) / (n + 1) <= rate. Fewer images than 1 / rate - 1 cannot show so small a rate: then none of them lies above,
    and `Threshold.rate` says 1 / (n + 1). Raises DataRefused without images, OptionRefused for a rate that is none.
    """
    check_rate(rate)
    if not len(scores):
        raise DataRefused("no clean image is left to set the guard's threshold by; pass more clean images")
    above = max(0, math.floor(rate * (len(scores) + 1) + 1e-9) - 1)
    value = float(np.sort(scores)[::-1][above]) + CLEARANCE
    return Threshold(value=value, images=len(scores), rate=(above + 1) / (len(scores) + 1))
