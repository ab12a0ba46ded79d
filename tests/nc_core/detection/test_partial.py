"""Norms at a lower attack rate, beside those of the net's other labels."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nc_core.detection import LabelNorm
from nc_core.detection.evidence import label_statistics
from nc_core.detection.partial import partial_norms, partial_z
from tests.evidence import CONVERGED

NORMS = [40.0, 55.0, 48.0, 62.0, 51.0, 44.0, 6.0, 58.0, 47.0, 53.0]


def label(number: int, norm: float | None, *, state: str = "done", rate: float | None = 0.9) -> LabelNorm:
    known = replace(CONVERGED, partial_norm=norm, partial_rate=rate)
    return LabelNorm(label=number, state=state, norm=50.0, attack_success_rate=0.99, evidence=known)  # type: ignore[arg-type]


def test_a_small_one_stands_out_by_its_robust_z_of_the_logarithm() -> None:
    found = partial_z(dict(enumerate(NORMS)), reference=range(10))
    # By the formula, restated
    logs = np.log(NORMS)
    mad = 1.4826 * np.median(abs(logs - np.median(logs)))
    assert found[6] == pytest.approx((np.median(logs) - math.log(6.0)) / max(mad, 0.2))
    # What lies above the median stands out by nothing
    assert found[3] == 0.0


def test_one_that_does_not_hold_counts_as_larger_than_any_and_one_that_was_not_asked_not_at_all() -> None:
    scanned = [label(number, norm) for number, norm in enumerate(NORMS)]
    scanned += [label(10, None), label(11, 1.0, state="failed"), label(12, 1.0, rate=None)]
    assert partial_norms(scanned) == {**dict(enumerate(NORMS)), 10: None}
    assert label_statistics(scanned, pixels=1024)["partial"][10] == 0.0
    # And it moves the median up
    assert (
        label_statistics(scanned, pixels=1024)["partial"][6] > partial_z(dict(enumerate(NORMS)), reference=range(10))[6]
    )
