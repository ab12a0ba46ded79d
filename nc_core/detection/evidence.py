"""Evidence about a model: what speaks for a backdoor, and how often clean models show as much."""

from dataclasses import dataclass
from typing import Literal

Source = Literal["baseline", "twins", "library", "none"]


@dataclass(frozen=True, kw_only=True)
class CalibrationUsed:
    """Which clean scans a p-value rests on, and how many; source "none": none, the normal law stands in."""

    source: Source
    scans: int


@dataclass(frozen=True, kw_only=True)
class ModelEvidence:
    """One statistic of a model: the larger, the more suspicious.

    name: "norm", "universality" or "size". p_value: chance that a clean model reaches it. label: whose it is, None
    where it is no single label's. null: the same statistic of each clean scan, () where there are none.
    """

    name: str
    statistic: float
    p_value: float
    calibration: CalibrationUsed
    label: int | None
    null: tuple[float, ...] = ()
