"""What a scan's evidence says: the same words wherever a result is told."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nc_core.results.names import named
from nc_core.results.numbers import MISSING, count, probability, significant
from nc_core.results.ranges import limit_of

NAMES = {
    "outlier": "smallest norm beside the net's other labels",
    "early": "smallest mask after the first steps, beside the other labels'",
    "universality": "price of sending other images along",
    "price": "that price as a share of the pixels",
    "size": "smallest norm as a share of the pixels",
    "perturbation": "smallest perturbation, and largest margin, beside the other labels'",
    "worth": "what a trigger of few images is worth to all",
    "lead": "that worth beside the other labels'",
    "transferability": "how many other images follow a trigger of few",
    "partial": "smallest norm at an attack rate of 80% beside the other labels'",
    "any-target": "how far answers say where a trigger without a target sends their images",
    "together": "norm, worth, lead and perturbation of one label, beside clean nets'",
}
SHORT = {
    "outlier": "Norm",
    "early": "Early mask",
    "universality": "Universality",
    "price": "Price",
    "size": "Size",
    "perturbation": "Perturbation",
    "worth": "Worth",
    "lead": "Lead",
    "transferability": "Transferability",
    "partial": "Partial norm",
    "any-target": "Any target",
    "together": "Together",
}
"""Where there is little room."""
SOURCES = {
    "baseline": ("clean scan of the baseline", "clean scans of the baseline"),
    "twins": ("clean scan of its twins", "clean scans of its twins"),
    "library": ("clean scan of the library", "clean scans of the library"),
}
"""One and several."""
UNCALIBRATED = "not calibrated: by the normal law"
BY_OTHERS = "not calibrated: by the law of the other labels"
SHARES_OF_PIXELS = frozenset({"price", "size"})
"""Kinds whose statistic is minus the logarithm of a share of the pixels."""
RATES = frozenset({"worth", "transferability"})
"""Kinds whose statistic is the logarithm of a share."""


@dataclass(frozen=True, kw_only=True)
class EvidenceRow:
    """One statistic of the model in words; short: its name in a chart.

    statistic: the number behind value. suspicious: whether the p-value is at the limit or below. null: the same
    statistic of each clean scan.
    """

    name: str
    short: str
    label: str
    value: str
    p_value: str
    calibration: str
    statistic: float
    suspicious: bool
    null: tuple[float, ...]


def evidence_rows(result: Mapping[str, Any]) -> list[EvidenceRow]:
    """What the verdict rests on; none in results of earlier versions."""
    return [_row(one, result) for one in result.get("evidence", ())]


def evidence_lines(result: Mapping[str, Any]) -> list[str]:
    """The same, a line each."""
    return [_line(row) for row in evidence_rows(result)]


def brief_evidence(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same as JSON, without the clean scans' own statistics, which may be a thousand."""
    return [{key: value for key, value in one.items() if key != "null"} for one in result.get("evidence", ())]


def calibrated_by(one: Mapping[str, Any]) -> str:
    """ "96 clean scans of the library"; one: of a result's evidence."""
    source = SOURCES.get(one["calibration"]["source"])
    if source is None:
        return BY_OTHERS if one["name"] == "early" else UNCALIBRATED
    return count(one["calibration"]["scans"], *source)


def value_of(name: str, statistic: float) -> str:
    """A statistic as people read it: "4.02", "0.41% of the pixels" or "83%" where it stands for that."""
    if name == "any-target":
        return f"{statistic:.0%}"
    if name in RATES:
        return f"{math.exp(statistic):.0%}"
    return f"{math.exp(-statistic):.2%} of the pixels" if name in SHARES_OF_PIXELS else significant(statistic)


def _row(one: Mapping[str, Any], result: Mapping[str, Any]) -> EvidenceRow:
    label: int | None = one.get("label")
    null: Sequence[float] = one.get("null", ())
    return EvidenceRow(
        name=NAMES.get(one["name"], one["name"]),
        short=SHORT.get(one["name"], one["name"]) + ("" if label is None else f", label {named(result, label)}"),
        label=MISSING if label is None else named(result, label),
        value=value_of(one["name"], one["statistic"]),
        p_value=probability(one["p_value"]),
        calibration=calibrated_by(one),
        statistic=one["statistic"],
        suspicious=one["p_value"] <= limit_of(result),
        null=tuple(null),
    )


def _line(row: EvidenceRow) -> str:
    label = "" if row.label == MISSING else f"label {row.label}, "
    calibration = (
        row.calibration if row.calibration in (UNCALIBRATED, BY_OTHERS) else f"calibrated by {row.calibration}"
    )
    return f"evidence: {row.name}: {label}statistic {row.value}, p-value {row.p_value}, {calibration}"
