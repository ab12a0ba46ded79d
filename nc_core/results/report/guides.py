"""The norms that matter for the verdict: median, where the outlier test flags, what counts as small."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nc_core.detection import INDEX_CAP, SIZE_BOUND, p_value
from nc_core.results.numbers import significant
from nc_core.results.ranges import limit_of
from nc_core.results.report.charts import Guide, Row

LARGEST_Z = 200.0
"""Beyond this no threshold is drawn: with three labels even 5% per model asks for more."""


def guides(result: Mapping[str, Any]) -> list[Guide]:
    """The lines of the norm chart; a line that cannot be known from so few labels is left out."""
    lines = [size_guide(result["model"]["input_shape"])]
    scale = log_scale(result["labels"])
    if scale is None:
        return lines
    median, spread = scale
    lines.append(Guide(norm=math.exp(median), kind="median", name=f"median {significant(math.exp(median))}"))
    z = critical_z(result)
    if z is not None:
        norm = math.exp(median - z * spread)
        name = f"outlier test, p = {limit_of(result):.3g}: {significant(norm)}"
        lines.append(Guide(norm=norm, kind="threshold", name=name))
    return lines


def size_guide(input_shape: Sequence[int]) -> Guide:
    """Below it a label is small, for pictures of (H, W, C)."""
    norm = SIZE_BOUND * input_shape[0] * input_shape[1]
    return Guide(norm=norm, kind="size", name=f"small, {SIZE_BOUND:.1%} of the pixels: {significant(norm)}")


def log_scale(labels: Sequence[Row]) -> tuple[float, float] | None:
    """Median and spread of the detection's log norms, read back from log z = (median - log norm) / spread.

    None where no two labels with different norms have an uncapped log z.
    """
    points = [
        (math.log(row["norm"]), row["log_z"])
        for row in labels
        # A label that was found was tested among all; the others among those that were not found.
        if row["norm"] and row["log_z"] is not None and abs(row["log_z"]) < INDEX_CAP and not _is_found(row)
    ]
    low, high = (min(points), max(points)) if points else ((0.0, 0.0), (0.0, 0.0))
    if low[1] == high[1]:
        return None
    spread = (high[0] - low[0]) / (low[1] - high[1])
    return low[0] + low[1] * spread, spread


def _is_found(row: Row) -> bool:
    """Whether the detection has flagged the label, be it a follower or not."""
    return bool(row["flagged"] or row["follower"])


def outlier_share(result: Mapping[str, Any]) -> float:
    """The outlier test's part of the error rate: all of it in verdicts of earlier versions."""
    return float(result.get("shares", {}).get("outlier", 1.0))


def critical_z(result: Mapping[str, Any]) -> float | None:
    """The log z at which the first test's p-value meets the threshold; None beyond `LARGEST_Z`."""
    scanned = sum(row["state"] in ("done", "not_converged", "screened_out") for row in result["labels"])
    reference = int(result["reference_size"])
    if reference < 3:
        return None
    level = result.get("level") or limit_of(result)  # verdicts of earlier versions have none
    labels, alpha = max(scanned, reference), level * outlier_share(result)
    low, high = 0.0, LARGEST_Z
    if p_value(high, reference=reference, labels=labels) > alpha:
        return None
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(middle, reference=reference, labels=labels) > alpha else (low, middle)
    return high
