"""The outlier test: how far below the others a label's norm lies, on the log scale."""

import math
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from nc_core.detection.mad import CONSISTENCY, INDEX_CAP, median_and_mad

Logs = npt.NDArray[np.float64]

SPREAD_FLOOR = 0.2
"""Least MAD of log norms. One label inverted with another seed comes out 10 to 20% larger or smaller (standard
deviation of its log norm, with tails: 4.95 and 8.23 were seen), so labels that lie closer together than that are
so by chance, and their spread is no yardstick. A floor can only make the test more cautious: to be flagged at 43
labels, a norm must be at most half the median."""

SIZE_FLOOR = 1e-3
"""Pixels. A mask that sums to less cannot be told from an empty one; keeps the logarithm finite."""


Scale = Callable[[float], float]
"""Norm in pixels -> how far it lies below a reference. Many labels are held against one."""


def robust_log_z(norm: float, reference: Iterable[float]) -> float:
    """(median(log n) - log norm) / MAD(log n) over the reference norms n: positive for a small norm.

    Logs, because norms are skewed to the right: on plain norms a wide upper tail hides a small norm. norm in
    pixels, finite; infinity in the reference is a censored label. Finite: within +-`INDEX_CAP`, and 0,
    nothing can be said, with fewer than three reference norms or a median or MAD hidden by censoring.
    """
    return log_scale(reference)(norm)


def one_sided_log_z(norm: float, reference: Iterable[float]) -> float:
    """The same by the spread of the smaller half alone: the MAD of the reference norms up to their median.

    For prices, which are skewed to the left on the log scale, unlike norms: labels that no trigger of few images
    carries over to lie far out on the other side, and would hide what is small.
    """
    return one_sided_log_scale(reference)(norm)


def log_scale(reference: Iterable[float]) -> Scale:
    """`robust_log_z` beside this reference."""
    return _log_scale(reference, lambda _, mad, __: mad)


def one_sided_log_scale(reference: Iterable[float]) -> Scale:
    """`one_sided_log_z` beside this reference."""
    return _log_scale(reference, _spread_of_smaller)


def _spread_of_smaller(median: float, _: float, logs: Logs) -> float:
    return CONSISTENCY * float(np.median(median - logs[logs <= median]))


def _log_scale(reference: Iterable[float], spread: Callable[[float, float, Logs], float]) -> Scale:
    """spread: of median, MAD and log norms (n,)."""
    logs = np.log(np.maximum(np.fromiter(reference, np.float64), SIZE_FLOOR))
    if len(logs) < 3:
        return _nothing
    median, mad = median_and_mad(logs)
    if not np.isfinite(mad):
        return _nothing
    yardstick = max(spread(median, mad, logs), SPREAD_FLOOR)

    def scale(norm: float) -> float:
        z = (median - math.log(max(norm, SIZE_FLOOR))) / yardstick
        return min(max(z, -INDEX_CAP), INDEX_CAP)

    return scale


def _nothing(_: float) -> float:
    return 0.0
