"""The threshold holds its rate for images that it was not set by."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc_core.errors import DataRefused, OptionRefused
from nc_core.guard import threshold_for


@given(st.integers(1, 400), st.floats(1e-3, 0.5), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_as_many_clean_scores_lie_above_as_the_rate_allows(count: int, rate: float, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=count)
    found = threshold_for(scores, rate)
    above = int((scores > found.value).sum())
    assert (above + 1) / (count + 1) <= max(rate, 1 / (count + 1)) + 1e-9
    assert found.rate <= max(rate, 1 / (count + 1)) + 1e-9
    assert found.images == count


@pytest.mark.parametrize(("count", "rate"), [(99, 0.01), (50, 0.1), (400, 0.05)])
def test_another_score_of_the_same_law_lies_above_with_the_rate_s_chance(count: int, rate: float) -> None:
    # Given many draws of clean scores from a law that is not normal, and one more score each
    drawn = np.random.default_rng(3).exponential(size=(4000, count + 1)) ** 2 * 100
    above = [row[-1] > threshold_for(row[:-1], rate).value for row in drawn]
    # Then it lies above as often as asked for, and no less often than the sample can resolve
    spread = 4 * np.sqrt(rate / len(drawn))
    assert rate - 1 / (count + 1) - spread <= np.mean(above) <= rate + spread


def test_more_images_are_needed_for_a_smaller_rate() -> None:
    scores = np.arange(50.0)
    assert threshold_for(scores, 0.01).value > 49
    assert threshold_for(scores, 0.01).rate == pytest.approx(1 / 51)


def test_equal_scores_lie_below() -> None:
    assert not (np.zeros(300) > threshold_for(np.zeros(300), 0.1).value).any()


def test_what_no_threshold_can_be_set_by_is_refused() -> None:
    with pytest.raises(DataRefused, match="no clean image is left"):
        threshold_for(np.zeros(0), 0.01)
    for rate in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(OptionRefused, match="false-positive rate is"):
            threshold_for(np.zeros(3), rate)
