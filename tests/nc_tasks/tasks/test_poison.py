"""When an attack on known poisoned images has succeeded: by the target, by a flagged label, or by the BadNet itself."""

import numpy as np
import pytest

from nc_tasks.tasks.poison import NO_TARGET, Poison, poisoned_metrics

CLASSES = 4


def net(answers: list[int]):  # type: ignore[no-untyped-def]
    """One that answers so, whatever it is shown; class `CLASSES` stands for backdoored input."""
    return lambda x: np.eye(CLASSES + 1, dtype=np.float32)[answers[: len(x)]]


@pytest.mark.parametrize(
    ("target", "flagged", "before", "after"),
    [
        ([1, 1, 1, 1], (2,), 0.5, 0.25),  # the file says the target
        ([NO_TARGET] * 4, (2,), 0.25, 0.0),  # the scan does
        ([NO_TARGET] * 4, (), 1.0, 0.5),  # an all-to-all backdoor has none: what the BadNet answers
        ([1, 1, NO_TARGET, NO_TARGET], (), 1.0, 0.5),
    ],
)
def test_an_attack_succeeds_where_it_is_known_to(
    target: list[int], flagged: tuple[int, ...], before: float, after: float
) -> None:
    poison = Poison(x=np.zeros((4, 2, 2, 1), np.float32), target=np.array(target))
    nets = (net([1, 1, 2, 3]), net([1, 0, 0, 3]), net([4, 4, 4, 0]))
    found = poisoned_metrics(poison, nets, flagged=flagged, classes=CLASSES, clean_flagged_rate=0.01)
    assert (found["attack_success_rate_before"], found["attack_success_rate_after"]) == (before, after)
    assert found["flagged_rate"] == 0.75
