"""The paper's outlier statistic (Wang et al. 2019, section IV-B): median absolute deviation on plain
norms."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

CONSISTENCY = 1.4826
"""1 / Phi^-1(3/4): makes the MAD of normal data estimate its standard deviation."""

INDEX_CAP = 999.0
"""Where the MAD is zero and a norm lies below the median, any index would be infinite: it is called this
instead."""


def median_and_mad(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Median and 1.4826 median|x - median| of values (n,), n >= 1; infinite values stand for censored ones.

    Both are exact under censoring from above as long as they come out finite. Returns infinity for what the
    censored values reach: half of them, and the median itself is unknown.
    """
    ordered = np.sort(values)
    median = _middle(ordered)
    if not np.isfinite(median):
        return median, np.inf
    return median, CONSISTENCY * _middle(np.sort(np.abs(ordered - median)))


def _middle(ordered: npt.NDArray[np.float64]) -> float:
    """np.median without its warning for infinity minus infinity."""
    low, high = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    return low if low == high else low + (high - low) / 2


def anomaly_index(norm: float, reference: Iterable[float]) -> float:
    """|norm - median| / MAD of the reference norms, one-sided: 0 for a norm at or above the median.

    norm: in pixels, finite. reference: the norms of the scan, infinity for a censored one. The answer is
    finite: 0 where the reference is empty or so censored that its median or MAD is unknown, and `INDEX_CAP`
    at most.
    """
    return index_scale(reference)(norm)


def index_scale(reference: Iterable[float]) -> Callable[[float], float]:
    """`anomaly_index` beside this reference, for many norms."""
    values = np.fromiter(reference, np.float64)
    median, mad = median_and_mad(values) if len(values) else (0.0, np.inf)

    def scale(norm: float) -> float:
        if norm >= median or not np.isfinite(mad):
            return 0.0
        return min((median - norm) / mad, INDEX_CAP) if mad > 0 else INDEX_CAP

    return scale
