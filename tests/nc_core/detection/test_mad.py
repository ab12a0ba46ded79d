"""The paper's index against a plain restatement, and where the plain one breaks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nc_core.detection import INDEX_CAP, anomaly_index, median_and_mad

norms = st.lists(st.floats(0.5, 500.0), min_size=3, max_size=60)


@given(norms)
def test_index_is_the_papers(values: list[float]) -> None:
    # Given norms whose MAD is not zero
    x = np.array(values)
    mad = 1.4826 * np.median(np.abs(x - np.median(x)))
    if mad < 1e-3:
        return
    # When the smallest is judged, Then its index is |x - median| / MAD
    assert anomaly_index(min(values), values) == pytest.approx(
        min(abs(min(values) - np.median(x)) / mad, INDEX_CAP), rel=1e-9
    )


def test_large_norms_are_no_outliers() -> None:
    assert anomaly_index(400.0, [30, 32, 34, 36, 38, 400.0]) == 0.0


def test_a_mad_of_zero_gives_finite_indices() -> None:
    # Given norms most of which are equal, Then equal ones score 0 and smaller ones the cap
    assert anomaly_index(30.0, [30.0] * 5 + [10.0]) == 0.0
    assert anomaly_index(10.0, [30.0] * 5 + [10.0]) == INDEX_CAP


def test_a_censored_norm_ranks_above_every_other() -> None:
    # Given two labels that did not converge
    seen = [30.0, 32.0, 33.0, 35.0, 36.0]
    censored = [*seen, math.inf, math.inf]
    # Then median and MAD are those of any two norms larger than all others
    assert median_and_mad(np.array(censored)) == pytest.approx(median_and_mad(np.array([*seen, 1e6, 2e6])))
    assert median_and_mad(np.array(censored))[0] == 35.0


@pytest.mark.parametrize("hidden", [3, 4])
def test_a_median_hidden_by_censoring_says_nothing(hidden: int) -> None:
    assert anomaly_index(1.0, [1.0, 30.0, 31.0] + [math.inf] * hidden) == 0.0


def test_no_reference_says_nothing() -> None:
    assert anomaly_index(1.0, []) == 0.0
