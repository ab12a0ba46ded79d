"""Logits are brought to one spread."""

import numpy as np
import pytest

from nc_core.inversion.spread import USUAL, factor_of, spread_of, unusual


def logits(classes: int = 10, count: int = 200) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 8, (count, classes)).astype(np.float32)


@pytest.mark.parametrize("factor", [1e-6, 1e-2, 3.0, 1e6, 1e30])
def test_the_factor_undoes_a_constant(factor: float) -> None:
    given = logits()
    assert factor_of(given * np.float32(factor)) * factor == pytest.approx(factor_of(given), rel=1e-5)
    assert spread_of(given * np.float32(factor) * np.float32(factor_of(given * np.float32(factor)))) == pytest.approx(
        USUAL, rel=1e-4
    )


@pytest.mark.parametrize("power", [-20, 20])
def test_a_power_of_two_is_undone_exactly(power: int) -> None:
    given = logits()
    assert factor_of(given * np.float32(2.0**power)) * 2.0**power == factor_of(given)


def test_what_is_added_to_all_logits_changes_nothing() -> None:
    assert spread_of(logits() + np.float32(64.0)) == pytest.approx(spread_of(logits()), rel=1e-4)


def test_a_few_classes_or_images_have_no_say() -> None:
    given = logits()
    low = given.copy()
    low[:, 0] = -1e6
    assert spread_of(low) == pytest.approx(spread_of(given), rel=0.2)
    broken = given.copy()
    broken[:20] = np.inf
    assert spread_of(broken) == pytest.approx(spread_of(given), rel=0.2)


@pytest.mark.parametrize("given", [np.zeros((9, 4)), np.full((9, 4), np.nan), np.full((9, 4), np.inf)])
def test_where_there_is_no_spread_nothing_is_multiplied(given: np.ndarray) -> None:
    assert factor_of(given.astype(np.float32)) == 1.0
    assert unusual(given.astype(np.float32)) is None


def test_two_classes_have_a_spread() -> None:
    assert spread_of(np.array([[3.0, -1.0], [0.0, 4.0]], np.float32)) == pytest.approx(4.0)


def test_unusual_is_what_no_training_ends_with() -> None:
    given = logits()
    assert unusual(given) is None
    assert unusual(given * np.float32(1e6)) == pytest.approx(1e6 * spread_of(given) / USUAL, rel=1e-4)
    assert unusual(given * np.float32(1e-6)) is not None
