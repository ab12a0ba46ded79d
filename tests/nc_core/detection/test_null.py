"""The Monte Carlo null against known thresholds and a plain restatement."""

import time

import numpy as np
import pytest

from nc_core.detection import normal_null


@pytest.mark.parametrize(
    ("labels", "at_5", "at_1"), [(5, 5.6, 12.6), (10, 3.8, 5.9), (43, 3.45, 4.3), (1283, 4.0, 4.3)]
)
def test_thresholds_where_all_labels_are_the_reference(labels: int, at_5: float, at_1: float) -> None:
    # The thresholds are given to two digits: the p-value there is 5% and 1% up to that rounding.
    null = normal_null(labels)
    assert null.p_value(at_5, others=0) == pytest.approx(0.05, abs=0.012)
    assert null.p_value(at_1, others=0) == pytest.approx(0.01, abs=0.004)


@pytest.mark.parametrize(("reference", "at_5", "at_1"), [(50, 4.8, 5.7), (100, 4.4, 5.0), (200, 4.2, 4.65)])
def test_thresholds_with_a_small_reference_of_1283(reference: int, at_5: float, at_1: float) -> None:
    null = normal_null(reference)
    assert null.p_value(at_5, others=1283 - reference) == pytest.approx(0.05, abs=0.012)
    assert null.p_value(at_1, others=1283 - reference) == pytest.approx(0.01, abs=0.004)


@pytest.mark.parametrize(("reference", "others", "z"), [(5, 0, 5.6), (12, 0, 3.0), (12, 30, 4.5), (7, 3, 2.0)])
def test_p_value_is_the_share_of_clean_scans_that_reach_z(reference: int, others: int, z: float) -> None:
    # Given scans of clean labels, drawn one by one, all labels included
    generator = np.random.default_rng(7)
    scans = 4000
    reached = 0
    for _ in range(scans):
        labels = generator.standard_normal(reference + others)
        median = np.median(labels[:reference])
        mad = 1.4826 * np.median(np.abs(labels[:reference] - median))
        reached += bool((median - labels.min()) / mad >= z)
    # Then the p-value is their share, within four standard errors
    p = normal_null(reference).p_value(z, others=others)
    assert p == pytest.approx(reached / scans, abs=4 * np.sqrt(p * (1 - p) / scans) + 0.003)


def test_two_labels_cannot_be_told_apart() -> None:
    # Given two labels, z of the smaller is always 1 / 1.4826
    assert normal_null(2).p_value(1 / 1.4826, others=0) == pytest.approx(1.0)


def test_p_value_is_never_zero_and_falls_with_z() -> None:
    ps = [normal_null(43).p_value(z, others=10) for z in (0.0, 1.0, 2.0, 4.0, 8.0, 999.0)]
    assert ps == sorted(ps, reverse=True)
    assert 0.0 < ps[-1] < 1e-3


def test_the_null_is_the_same_in_every_run_and_fast() -> None:
    # Given the largest null of the field's models, uncached
    normal_null.cache_clear()
    start = time.perf_counter()
    first = normal_null(1283)
    seconds = time.perf_counter() - start
    normal_null.cache_clear()
    # Then it is reproducible, and takes well under the seconds that a gather may last
    np.testing.assert_array_equal(first.smallest, normal_null(1283).smallest)
    assert seconds < 5.0


def test_a_reference_without_spread_is_refused() -> None:
    with pytest.raises(ValueError, match="1 labels has no spread"):
        normal_null(1)
