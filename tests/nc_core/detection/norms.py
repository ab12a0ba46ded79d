"""Norms of clean and infected labels, made up, and the clean scans that they are held against."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nc_core.detection import (
    Detection,
    Evidence,
    LabelNorm,
    detect,
)
from nc_core.detection.library import NullScan
from tests.evidence import CONVERGED, NOT_CONVERGED

PIXELS = 1024

LIBRARY = [
    NullScan(
        name=f"{classes}-{at}",
        classes=classes,
        statistics={
            "outlier": z,
            "universality": z,
            "transferability": rate,
            "lead": lead,
            "worth": worth,
            "perturbation": z,
        },
    )
    for classes in (5, 43)
    for at, (z, rate, lead, worth) in enumerate(
        zip(*(np.linspace(*ends, 16) for ends in ((1.0, 2.6), (-3.0, -0.7), (0.1, 1.1), (-3.0, -1.0))), strict=True)
    )
]
"""Clean scans whose smallest norm and price lie at most 2.6 deviations below the others, whose triggers of few images
work on at most 50% of others and are worth 5 to 37%, and at most three times what those of the other labels are."""

DEAR = 0.05
"""Transferability of a clean label."""
PLANTED = 0.6
"""That of a planted trigger is larger."""


def clean(count: int, *, seed: int = 0, spread: float = 0.2) -> list[float]:
    """Norms of clean labels: the quantiles of a normal law around 4% of the pixels, shuffled."""
    uniform = (np.arange(count) + 0.5) / count
    samples = np.sort(np.random.default_rng(1).standard_normal(200_000))
    logs = math.log(0.04 * PIXELS) + spread * np.quantile(samples, uniform)
    return list(np.random.default_rng(seed).permutation(np.exp(logs)))


def scan(
    norms: Sequence[float], *, rate: float | None = 1.0, transfer: Mapping[int, float] | None = None
) -> list[LabelNorm]:
    """transfer: label -> transferability of those where it was measured.

    Few images need half of what all do, of a trigger that works on most others as much.
    """
    known = transfer or {}
    return [
        LabelNorm(
            label=label,
            state="done",
            norm=float(norm),
            attack_success_rate=rate,
            evidence=replace(
                CONVERGED,
                transferability=known.get(label),
                few_norm=float(norm) * (1.0 if known.get(label, 0.0) > PLANTED else 0.5),
            ),
        )
        for label, norm in enumerate(norms)
    ]


def judge(
    norms: Sequence[float],
    *,
    rate: float | None = 1.0,
    alpha: float = 0.05,
    transfer: Mapping[int, float] | None = None,
) -> Detection:
    return detect(scan(norms, rate=rate, transfer=transfer), classes=len(norms), pixels=PIXELS, alpha=alpha)


def without_masks(norms: Sequence[float], label: int, *, norm: float, margin: float) -> list[LabelNorm]:
    """Labels alike in their norms and prices, one with another perturbation and another margin."""
    return [
        replace(
            one,
            evidence=replace(
                one.evidence or CONVERGED,
                perturbation_norm=norm if one.label == label else 4.0 + 0.02 * (one.label % 7),
                perturbation_rate=0.9,
                margin=margin if one.label == label else 20.0 + 0.2 * (one.label % 5),
            ),
        )
        for one in scan(norms, transfer=dict.fromkeys(range(len(norms)), DEAR))
    ]


def unlike(**changed: float | bool) -> Evidence:
    return replace(NOT_CONVERGED, **changed)  # type: ignore[arg-type]
