"""Clean scans that come with Cleanse: which of them judge a model, and the law of their tail."""

import math

import numpy as np
import pytest

from nc_core.detection.library import FEWEST, NullScan, library, null_of, tail_p


def scan(classes: int, price: float) -> NullScan:
    return NullScan(name=f"clean-{classes}", classes=classes, statistics={"price": price})


MANY = [scan(10, float(value)) for value in range(FEWEST)]
FEW = [scan(2, 100.0 + value) for value in range(FEWEST)]


def test_few_and_many_labels_have_laws_of_their_own() -> None:
    assert null_of("price", classes=12, scans=[*MANY, *FEW]) == tuple(map(float, range(FEWEST)))
    assert min(null_of("price", classes=5, scans=[*MANY, *FEW])) >= 100.0


@pytest.mark.parametrize("classes", [10, 12, 2])
def test_nothing_is_said_of_too_few_scans_or_far_more_labels(classes: int) -> None:
    assert null_of("price", classes=classes, scans=MANY[1:]) == ()
    assert null_of("price", classes=21, scans=MANY) == ()
    assert null_of("universality", classes=classes, scans=[*MANY, *FEW]) == ()


def test_within_most_of_the_clean_scans_a_p_value_is_their_share() -> None:
    null = [float(value) for value in range(20)]
    assert tail_p(10.0, null) == pytest.approx((1 + 10) / 21)


@pytest.mark.parametrize("scans", [12, 28])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_the_law_of_the_tail_keeps_small_rates_where_excesses_are_exponential(scans: int, alpha: float) -> None:
    # Given clean scans with an exponential tail, their mean unknown, and many clean models
    generator, models = np.random.default_rng(8), 8000
    drawn = generator.exponential(size=(models, scans + 1))
    alarms = sum(tail_p(float(row[0]), row[1:].tolist()) <= alpha for row in drawn)
    # Then as many are called abnormal as is stated: within four standard errors
    assert abs(alarms / models - alpha) < 4 * math.sqrt(alpha / models)


def test_a_p_value_falls_with_the_statistic() -> None:
    null = np.random.default_rng(9).normal(size=28).tolist()
    found = [tail_p(value, null) for value in np.linspace(-3.0, 12.0, 60)]
    assert found == sorted(found, reverse=True)
    assert 0.0 < found[-1] < 1e-3


def test_alike_clean_scans_make_no_law_of_nothing() -> None:
    assert tail_p(2.0, [1.0] * 20) == pytest.approx(1 / 21)


def test_what_comes_with_cleanse_names_its_nets_and_statistics() -> None:
    for one in library():
        assert one.classes >= 2
        assert set(one.statistics) <= {"outlier", "universality", "price", "size"}
