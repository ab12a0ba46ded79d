"""The outlier test: how far below the others a label's norm lies, on the log scale."""

from collections.abc import Iterable

import numpy as np

from nc_core.detection.mad import INDEX_CAP, median_and_mad

SPREAD_FLOOR = 0.02
"""Least MAD of log norms. Two runs on one label differ by more than 2%, so a spread below that is chance
(a tie among few labels) and no yardstick. Real scans lie at 0.2 and above: there it changes nothing, and a
floor can only make the test more cautious."""

SIZE_FLOOR = 1e-3
"""Pixels. A mask that sums to less cannot be told from an empty one; keeps the logarithm finite."""


def robust_log_z(norm: float, reference: Iterable[float]) -> float:
    """(median(log n) - log norm) / MAD(log n) over the reference norms n: positive for a small norm.

    Logs, because norms are skewed to the right: on plain norms a wide upper tail hides a small norm. norm in
    pixels, finite; infinity in the reference is a censored label. Finite: within +-`INDEX_CAP`, and 0,
    nothing can be said, with fewer than three reference norms or a median or MAD hidden by censoring.
    """
    logs = np.log(np.maximum(np.fromiter(reference, np.float64), SIZE_FLOOR))
    if len(logs) < 3:
        return 0.0
    median, mad = median_and_mad(logs)
    if not np.isfinite(mad):
        return 0.0
    z = (median - float(np.log(max(norm, SIZE_FLOOR)))) / max(mad, SPREAD_FLOOR)
    return float(np.clip(z, -INDEX_CAP, INDEX_CAP))
