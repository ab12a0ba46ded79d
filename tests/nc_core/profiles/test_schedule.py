"""The published control of lambda against a plain re-statement of its loop; the proportional one by what it holds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nc_core.inversion import FAST, PAPER, Profile
from nc_core.profiles.proportional import ProportionalControl
from nc_core.profiles.published import PublishedControl

rates = st.sampled_from([0.0, 0.5, 0.98, 0.99, 1.0])
step = st.tuples(rates, st.floats(1.0, 500.0))


def published(steps: list[tuple[float, float]]) -> list[tuple[float, float, bool]]:
    """The authors' loop, statement by statement: (lambda after the step, best norm, whether it ended)."""
    patience, multiplier = 5, 2
    cost, set_counter, up_counter, down_counter = 0.0, 0, 0, 0
    up_flag = down_flag = False
    best = math.inf
    stop_counter, stop_best = 0, math.inf
    out = []
    for rate, norm in steps:
        if rate >= 0.99 and norm < best:
            best = norm
        if best < math.inf:
            stop_counter = stop_counter + 1 if best >= stop_best else 0
        stop_best = min(best, stop_best)
        if down_flag and up_flag and stop_counter >= 5 * patience:
            out.append((cost, best, True))
            return out
        if cost == 0 and rate >= 0.99:
            set_counter += 1
            if set_counter >= patience:
                cost = 1e-3
                up_counter = down_counter = 0
                up_flag = down_flag = False
        else:
            set_counter = 0
        if rate >= 0.99:
            up_counter, down_counter = up_counter + 1, 0
        else:
            up_counter, down_counter = 0, down_counter + 1
        if up_counter >= patience:
            up_counter, up_flag = 0, True
            cost *= multiplier
        elif down_counter >= patience:
            down_counter, down_flag = 0, True
            cost /= multiplier**1.5
        out.append((cost, best, False))
    return out


@given(st.lists(step, min_size=1, max_size=200))
def test_paper_schedule_follows_the_published_loop(steps: list[tuple[float, float]]) -> None:
    # Given any course of attack rates and norms
    schedule = PAPER.control.schedule(PAPER.max_steps)
    best = math.inf
    for (rate, norm), (cost, expected_best, ended) in zip(steps, published(steps), strict=False):
        best = norm if rate >= 0.99 and norm < best else best
        # When the schedule sees the same step
        over = schedule.observe(rate, norm, best)
        # Then lambda, the best norm and the end are those of the published loop
        assert over == ended
        assert schedule.cost == cost
        assert best == expected_best


def test_lambda_grows_although_the_mask_never_passes_the_gate() -> None:
    # Given an attack that always succeeds; ART's loop left lambda at 0 here for ever
    schedule = PAPER.control.schedule(PAPER.max_steps)
    for _ in range(30):
        schedule.observe(1.0, 100.0, math.inf)
    # Then lambda was switched on and grew
    assert schedule.cost > 8 * PublishedControl().initial_cost


@pytest.mark.parametrize("profile", [PAPER, FAST])
def test_optimisation_ends_with_its_budget(profile: Profile) -> None:
    # Given an attack that never succeeds
    schedule = profile.control.schedule(profile.max_steps)
    ends = [schedule.observe(0.1, 100.0, math.inf) for _ in range(profile.max_steps)]
    # Then it ends exactly with the last step, and lambda was never switched on
    assert ends.index(True) == profile.max_steps - 1
    assert schedule.cost == 0


def test_proportional_control_rests_at_the_rate_it_is_to_hold() -> None:
    # Given an attack whose rate falls with lambda: it is 1 - lambda / 2, so 0.98 at 0.04
    control = ProportionalControl(attack_rate=0.98, initial_cost=1e-3)
    schedule = control.schedule(1000)
    schedule.observe(1.0, 100.0, math.inf)
    # When lambda has had time to find its place
    for _ in range(100):
        schedule.observe(max(0.0, 1 - schedule.cost / 2), 100.0, math.inf)
    # Then it is where the rate is the one wanted
    assert schedule.cost == pytest.approx(0.04, rel=0.02)


def test_one_broken_step_costs_proportional_control_no_more_than_its_largest_fall() -> None:
    # Given lambda at work
    control = ProportionalControl(memory=0.0)
    schedule = control.schedule(1000)
    schedule.observe(1.0, 100.0, math.inf)
    before = schedule.cost
    # When a step fails altogether
    schedule.observe(0.0, 100.0, math.inf)
    # Then
    assert schedule.cost == pytest.approx(before / control.gain**control.largest_fall)


def test_proportional_control_ends_without_progress_once_the_attack_bears_no_more() -> None:
    # Given a kept mask that stays as it is
    control = ProportionalControl(memory=0.0, patience=5)
    schedule = control.schedule(1000)
    told = [schedule.observe(1.0, 50.0, 50.0) for _ in range(20)]
    # Then it goes on while lambda only grows, and ends once the rate has fallen below the one wanted
    assert not any(told)
    schedule.observe(0.9, 50.0, 50.0)
    assert schedule.observe(1.0, 50.0, 50.0)
    # But a smaller mask that did not pass yet is waited for
    waiting = control.schedule(1000)
    waiting.observe(1.0, 50.0, 50.0)
    assert not any(waiting.observe(0.9, 40.0, 50.0) for _ in range(20))
