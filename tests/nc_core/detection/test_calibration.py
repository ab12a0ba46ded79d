"""Conformal p-values beside clean scans: exact under exchange, whatever the law."""

import numpy as np
import numpy.typing as npt
import pytest

from nc_core.detection import UNCALIBRATED, Calibration
from nc_core.detection.calibration import conformal, together

KINDS = ("outlier", "price", "size", "universality")


def scans(values: npt.NDArray[np.float64]) -> list[dict[str, float]]:
    """values (n, kinds)."""
    return [dict(zip(KINDS, map(float, row), strict=True)) for row in values]


def test_a_p_value_counts_the_clean_scans_that_reach_the_statistic() -> None:
    assert conformal(3.0, (1.0, 2.0, 3.0, 4.0)) == pytest.approx(3 / 5)
    assert conformal(9.0, (1.0, 2.0, 3.0, 4.0)) == pytest.approx(1 / 5)


@pytest.mark.parametrize("law", ["normal", "cauchy", "exponential"])
def test_all_evidence_together_keeps_the_stated_rate_under_any_law(law: str) -> None:
    # Given clean nets like 19 clean ones, with four numbers each that hang together
    generator, nets, alarms = np.random.default_rng(3), 600, 0
    for _ in range(nets):
        drawn = generator.standard_cauchy((20, 4)) if law == "cauchy" else getattr(generator, law)(size=(20, 4))
        own, *others = scans(drawn + drawn[:, :1])
        alarms += together(own, others) <= 0.05
    # Then one in twenty is called abnormal: within three standard errors
    assert abs(alarms / nets - 0.05) < 3 * (0.05 * 0.95 / nets) ** 0.5


def test_one_abnormal_number_of_four_is_enough() -> None:
    drawn = np.random.default_rng(4).normal(size=(20, 4))
    drawn[0, 2] = 9.0
    own, *others = scans(drawn)
    assert together(own, others) == pytest.approx(1 / 20)


def test_what_some_scans_lack_is_not_looked_at() -> None:
    drawn = np.random.default_rng(5).normal(size=(20, 4))
    own, *others = scans(drawn)
    own["price"] = 99.0
    del others[7]["price"]
    without = [{kind: value for kind, value in scan.items() if kind != "price"} for scan in (own, *others)]
    assert together(own, others) == together(without[0], without[1:])
    assert together({"price": 1.0}, [{"size": 1.0}] * 20) == 1.0


@pytest.mark.parametrize(("scans", "alpha", "enough"), [(18, 0.05, False), (19, 0.05, True), (2, 0.4, False)])
def test_so_many_clean_scans_bear_out_a_rate(scans: int, alpha: float, enough: bool) -> None:
    assert Calibration(source="twins", scans=({"size": 1.0},) * scans).decides(alpha) == enough
    assert not UNCALIBRATED.decides(alpha)
