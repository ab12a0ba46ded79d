"""Clean scans that come with Cleanse: which of them judge a model, and the law of their tail."""

import math

import numpy as np
import pytest

from nc_core.detection.evidence import KINDS
from nc_core.detection.library import FEWEST, PERTURBATIONS, NullScan, law_of, library, tail_p


def scan(classes: int, price: float) -> NullScan:
    statistics = {"price": price, "universality": price / 2}
    return NullScan(name=f"clean-{classes}", classes=classes, statistics=statistics)


MANY = [scan(10, float(value)) for value in range(FEWEST)]
FEW = [scan(2, 100.0 + value) for value in range(FEWEST)]


def test_few_and_many_labels_have_laws_of_their_own() -> None:
    many, few = (law_of(classes=classes, scans=[*MANY, *FEW]) for classes in (12, 5))
    assert many is not None
    assert few is not None
    assert (many.kinds, len(many.scans)) == (("universality", "price"), FEWEST)
    # Of few labels a price has hardly others to stand out from
    assert (few.kinds, len(few.scans)) == (("price",), FEWEST)
    assert min(one["price"] for one in few.scans) >= 100.0


def test_what_is_held_against_other_labels_alone_says_nothing_of_few() -> None:
    statistics = {"perturbation": 1.0}
    scans = [NullScan(name="clean", classes=classes, statistics=statistics) for classes in (5, 10) for _ in range(9)]
    many = law_of(classes=10, kinds=PERTURBATIONS, scans=scans)
    assert many is not None
    assert (many.kinds, len(many.scans)) == (PERTURBATIONS, 9)
    assert law_of(classes=9, kinds=PERTURBATIONS, scans=scans) is None
    assert law_of(classes=10, kinds=PERTURBATIONS, scans=MANY) is None


@pytest.mark.parametrize("classes", [10, 12, 2])
def test_nothing_is_said_of_too_few_scans_or_far_more_labels(classes: int) -> None:
    assert law_of(classes=classes, scans=MANY[1:]) is None
    assert law_of(classes=21, scans=MANY) is None
    bare = [NullScan(name="bare", classes=classes, statistics={"size": 1.0})] * FEWEST
    assert law_of(classes=classes, scans=bare) is None


def test_a_score_is_the_mean_distance_from_clean_scans_and_theirs_are_scored_alike() -> None:
    law = law_of(classes=12, scans=MANY)
    assert law is not None
    values = np.arange(FEWEST, dtype=float)
    spread = values.std(ddof=1)
    expected = 2 * ((9.0 - values.mean()) / spread) / math.sqrt(2)
    assert law.score({"price": 9.0, "universality": 4.5}) == pytest.approx(expected)
    others = values[1:]
    assert law.null[0] == pytest.approx(2 * (0.0 - others.mean()) / others.std(ddof=1) / math.sqrt(2))
    assert law.p_value(law.score({"price": 30.0, "universality": 15.0})) < 0.01


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


@pytest.mark.parametrize("classes", [2, 5, 10, 43])
def test_what_comes_with_cleanse_judges_few_and_many_labels(classes: int) -> None:
    law = law_of(classes=classes)
    assert law is not None
    # And none of its nets is of the held-out architecture or pictures of the zoo that they come from
    assert not [scan.name for scan in library() if "depthwise" in scan.name or "cifar10" in scan.name]


def test_what_comes_with_cleanse_names_its_nets_and_statistics() -> None:
    for one in library():
        assert one.classes >= 2
        assert set(one.statistics) <= set(KINDS)
