"""A stop at the deadline is told from any other."""

import time

import pytest

from nc_core.errors import Cancelled
from nc_tasks.deadline import Deadline
from nc_tasks.errors import TookTooLong


def test_the_clock_starts_with_the_first_question() -> None:
    deadline = Deadline(0.05)
    time.sleep(0.1)
    assert not deadline.is_over()
    time.sleep(0.1)
    assert deadline.is_over()


def stopped(seconds: float) -> None:
    """Work that asks, and is stopped."""
    with Deadline(seconds) as deadline:
        deadline.is_over()
        time.sleep(0.001)
        deadline.is_over()
        raise Cancelled("by whomever")


def test_a_stop_at_the_deadline_says_so_and_any_other_stays_as_it_is() -> None:
    with pytest.raises(Cancelled, match="by whomever"):
        stopped(60.0)
    with pytest.raises(TookTooLong, match=r"stopped after 1e-09 s, the limit for a label"):
        stopped(1e-9)
