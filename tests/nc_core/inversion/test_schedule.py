"""The control of lambda against a plain re-statement of the published loop."""

import math

from hypothesis import given
from hypothesis import strategies as st

from nc_core.inversion import PAPER
from nc_core.inversion.schedule import Schedule

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
    schedule = Schedule(profile=PAPER)
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
    schedule = Schedule(profile=PAPER)
    for _ in range(30):
        schedule.observe(1.0, 100.0, math.inf)
    # Then lambda was switched on and grew
    assert schedule.cost > 8 * PAPER.initial_cost


def test_optimisation_ends_with_its_budget() -> None:
    # Given an attack that never succeeds
    schedule = Schedule(profile=PAPER)
    ends = [schedule.observe(0.1, 100.0, math.inf) for _ in range(PAPER.max_steps)]
    # Then it ends exactly with the last step
    assert ends.index(True) == PAPER.max_steps - 1
