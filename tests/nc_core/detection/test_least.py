"""The least p-value of several tests, held against those of clean scans."""

import numpy as np
import pytest

from nc_core.detection import UNCALIBRATED, detect
from nc_core.detection.judge import judge
from nc_core.detection.least import FEWEST, Least, least_of
from nc_core.detection.library import NullScan
from tests.nc_core.detection.norms import DEAR, LIBRARY, PIXELS, clean, scan

RATES = (0.01, 0.05, 0.1)


def of(p_values: np.ndarray) -> Least:
    return Least(null=tuple(-np.log(p_values)))


def drawn(count: int, *, power: float, seed: int) -> np.ndarray:
    """p-values of clean scans: as stated at 1, too careful below, too bold above."""
    return np.random.default_rng(seed).uniform(size=count) ** (1.0 / power)


@pytest.mark.parametrize(("power", "factor"), [(1.0, 1.0), (2.0, 4.4)])
def test_the_level_is_the_rate_where_tests_are_as_stated_and_larger_where_they_are_careful(
    power: float, factor: float
) -> None:
    # Given very many clean scans: tests that are right, and tests whose p-value is the root of the right one
    least = of(drawn(4000, power=power, seed=1))
    # Then a p-value is what share of the clean ones is as small, and the level what all tests together may be held to
    assert least.p_value(0.3) == pytest.approx(0.3**power, rel=0.1)
    assert least.level(0.05) == pytest.approx(0.05 * factor, rel=0.15)


@pytest.mark.parametrize("alpha", RATES)
def test_what_lies_below_the_level_is_found_at_the_rate(alpha: float) -> None:
    least = of(drawn(24, power=1.5, seed=2))
    level = least.level(alpha)
    assert least.p_value(level) <= alpha < least.p_value(1.02 * level)


@pytest.mark.parametrize("power", [0.7, 1.0, 2.0])
def test_two_dozen_scans_hold_the_rate_whatever_the_tests_are_like(power: float) -> None:
    # Given clean scans in dozens of two, and one more each time
    p_values = drawn(25 * 4000, power=power, seed=3).reshape(4000, 25)
    found = np.mean([of(others).p_value(own) <= 0.05 for own, *others in p_values[:, :]])
    # Then as many of those are found as was stated
    assert 0.03 <= found <= 0.06


def test_too_few_scans_change_nothing() -> None:
    least = of(drawn(FEWEST - 1, power=3.0, seed=4))
    assert (least.p_value(0.02), least.level(0.05)) == (0.02, 0.05)


def test_scans_of_few_labels_and_of_many_are_apart() -> None:
    scans = [
        NullScan(name="few", classes=5, statistics={}, least=0.5),
        NullScan(name="many", classes=43, statistics={}, least=0.1),
        NullScan(name="untested", classes=43, statistics={}),
    ]
    assert [least_of(scans, classes=classes).null for classes in (4, 10)] == [(-np.log(0.5),), (-np.log(0.1),)]


def test_a_label_is_flagged_where_the_p_value_of_the_model_holds_the_rate() -> None:
    # Given a label that is small among 43, judged beside clean scans whose tests are careful
    labels = scan([3.0, *clean(42)], transfer=dict.fromkeys(range(43), DEAR))
    many = [one for one in LIBRARY if one.classes >= 10]
    careful = [
        NullScan(**{**vars(one), "least": least})
        for one, least in zip([*many, *many], np.linspace(0.2, 1.0, 2 * len(many)), strict=True)
    ]

    def judged(clean_scans: list[NullScan], alpha: float) -> tuple[float, set[int]]:
        found = judge(labels, classes=43, pixels=PIXELS, alpha=alpha, calibration=UNCALIBRATED, clean=clean_scans)
        assert found.p_value == min(one.p_value for one in found.evidence)
        assert found.beside == sum(one.least is not None for one in clean_scans)
        return found.p_value, set(found.found)

    # Then its p-value is less than by the tests' shares alone, and flagged is what lies at or below the rate
    p, _ = judged(careful, 0.05)
    plain, _ = judged([*many, *many], 0.05)
    assert 0.0 < p < plain
    assert judged(careful, min(0.5, p * 1.01))[1] == {0}
    assert judged(careful, p * 0.99)[1] == set()


def test_the_result_says_by_how_many_clean_scans_the_least_p_value_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = scan([3.0, *clean(42)], transfer=dict.fromkeys(range(43), DEAR))
    told = "is held against that of 32 clean scans judged likewise."
    for least, said in ((0.5, True), (None, False)):
        shipped = tuple(NullScan(**{**vars(one), "least": least}) for one in [*LIBRARY, *LIBRARY])
        monkeypatch.setattr("nc_core.detection.library.library", lambda shipped=shipped: shipped)
        found = detect(labels, classes=43, pixels=PIXELS)
        assert found.rules[-1].endswith(told) is said
        # And so does the evidence that goes by the normal law
        (outlier,) = (one.calibration for one in found.evidence if one.name == "outlier")
        assert (outlier.source, outlier.scans) == (("library", 32) if said else ("none", 0))
