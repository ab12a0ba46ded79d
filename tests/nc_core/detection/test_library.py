"""Clean scans that come with Cleanse: which of them judge a model, and the law of their tail."""

import math
from collections.abc import Collection, Sequence

import numpy as np
import pytest

from nc_core.detection.evidence import KINDS
from nc_core.detection.library import FEWEST, OF_FEW, OF_MANY, Law, NullScan, law_of, library, tail_p


def scan(classes: int, worth: float, *, perturbation: bool = True) -> NullScan:
    statistics = {"worth": worth, "lead": worth / 2, "outlier": worth / 3, "price": worth}
    more = {"perturbation": worth / 4} if perturbation else {}
    return NullScan(name=f"clean-{classes}", classes=classes, statistics={**statistics, **more})


MANY = [scan(10, float(value)) for value in range(FEWEST)]
FEW = [scan(2, 100.0 + value) for value in range(FEWEST)]


def law(classes: int, scans: Sequence[NullScan], measured: Collection[str] = KINDS) -> Law | None:
    return law_of(classes=classes, measured=measured, scans=scans)


def test_few_and_many_labels_have_laws_of_their_own() -> None:
    many, few = (law(classes, [*MANY, *FEW]) for classes in (12, 5))
    assert many is not None
    assert few is not None
    assert (many.kinds, len(many.scans)) == (OF_MANY[0], FEWEST)
    # Norms of few labels have hardly a spread to stand out from
    assert (few.kinds, len(few.scans)) == (OF_FEW[0], FEWEST)
    assert "outlier" not in few.kinds
    assert min(one["worth"] for one in few.scans) >= 100.0


def test_where_no_perturbation_was_looked_for_the_rest_is_judged() -> None:
    without = [kind for kind in KINDS if kind != "perturbation"]
    rest = OF_MANY[1]
    # By the model, by the clean scans, or by too many of them
    for scans, measured in (
        (MANY, without),
        ([scan(10, float(value), perturbation=False) for value in range(FEWEST)], KINDS),
        ([*MANY[1:], scan(10, 3.0, perturbation=False)], KINDS),
    ):
        found = law(12, scans, measured)
        assert found is not None
        assert (found.kinds, len(found.scans)) == (rest, FEWEST)


@pytest.mark.parametrize("missing", ["outlier", "lead", "worth"])
def test_nothing_is_said_without_what_a_law_needs(missing: str) -> None:
    assert law(12, MANY, [kind for kind in KINDS if kind != missing]) is None


@pytest.mark.parametrize("classes", [10, 12, 2])
def test_nothing_is_said_of_too_few_scans_or_far_more_labels(classes: int) -> None:
    assert law(classes, MANY[1:]) is None
    assert law(21, MANY) is None
    assert law(classes, []) is None
    bare = [NullScan(name="bare", classes=classes, statistics={"worth": 1.0})] * FEWEST
    assert law(classes, bare) is None


def test_a_score_adds_up_what_lies_above_the_clean_scans_and_theirs_are_scored_alike() -> None:
    found = law(4, FEW)
    assert found is not None
    values = 100.0 + np.arange(FEWEST, dtype=float)
    far = (109.0 - values.mean()) / values.std(ddof=1)
    assert found.score({"worth": 109.0, "lead": 54.5}) == pytest.approx(2 * far / math.sqrt(2))
    # What points the other way takes nothing from the rest
    assert found.score({"worth": 109.0, "lead": 0.0}) == pytest.approx(far / math.sqrt(2))
    others = values[:-1]
    expected = 2 * (107.0 - others.mean()) / others.std(ddof=1) / math.sqrt(2)
    assert (found.null[0], found.null[-1]) == (0.0, pytest.approx(expected))
    assert found.p_value(found.score({"worth": 130.0, "lead": 65.0})) < 0.01


def test_within_most_of_the_clean_scans_a_p_value_is_their_share() -> None:
    null = [float(value) for value in range(20)]
    assert tail_p(8.0, null) == pytest.approx((1 + 12) / 21)


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


@pytest.mark.parametrize("classes", [5, 10, 43])
def test_what_comes_with_cleanse_judges_few_and_many_labels(classes: int) -> None:
    assert law_of(classes=classes, measured=KINDS) is not None
    # And none of its nets is of the held-out architecture or pictures of the zoo that they come from
    assert not [scan.name for scan in library() if "depthwise" in scan.name or "cifar10" in scan.name]


def test_what_comes_with_cleanse_names_its_nets_and_statistics() -> None:
    for one in library():
        assert one.classes >= 2
        assert set(one.statistics) <= set(KINDS)
