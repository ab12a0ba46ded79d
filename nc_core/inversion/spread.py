"""Brings the logits of every net to one spread, so that lambda weighs the same whatever their temperature.

Logits times a constant are the same classifier. Cross-entropy is not the same: at a hundredth a trigger that works
seems hardly better than none, and at a million every image counts alone. One factor, from clean images, undoes it.
"""

import math

import numpy as np
import numpy.typing as npt

USUAL = 13.0
"""The spread that logits are brought to: that of the nets that the profiles were set on (face nets 11 to 14, a GTSRB
BadNet 13); others measured 2.0 (CIFAR-10) to 26 (MNIST)."""
UNUSUAL = 100.0
"""Times more or less than usual: no training ends there, somebody has multiplied."""
LEAST_MARGIN = 0.01
"""Of the distance: a net that is in two minds about most images has a spread all the same."""
SPREAD_IMAGES = 256


def spread_of(logits: npt.NDArray[np.float32]) -> float:
    """The spread of the logits (n, N) of clean images; 0 where they are alike, infinite or no numbers.

    The geometric mean of two medians over the images: how far the largest logit lies above the next, which says how
    sure the net is, and above the median of the others, which says how far its classes lie apart. Each grows as the
    logits do, and neither goes by a few classes or a few images.
    """
    ordered = np.sort(logits[np.isfinite(logits).all(axis=1)].astype(np.float64), axis=1)
    if 2 * len(ordered) <= len(logits):
        return 0.0
    distance = float(np.median(ordered[:, -1] - np.median(ordered[:, :-1], axis=1)))
    margin = float(np.median(ordered[:, -1] - ordered[:, -2]))
    return math.sqrt(max(margin, LEAST_MARGIN * distance) * distance)


def factor_of(logits: npt.NDArray[np.float32]) -> float:
    """What logits are multiplied by to have the usual spread; 1 where they have none."""
    factor = USUAL / spread if (spread := spread_of(logits)) > 0 else 1.0
    return factor if np.isfinite(np.float32(factor)) and np.float32(factor) > 0 else 1.0


def unusual(logits: npt.NDArray[np.float32]) -> float | None:
    """How many times the usual spread the logits have, where that is out of the ordinary."""
    times = spread_of(logits) / USUAL
    return times if times > 0 and not 1 / UNUSUAL <= times <= UNUSUAL else None
