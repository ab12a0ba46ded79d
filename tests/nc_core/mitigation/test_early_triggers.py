"""Early triggers: of every label, several of each, and unlearned along."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from nc_core.errors import Cancelled
from nc_core.inversion import Trigger
from nc_core.mitigation import Case, unlearning
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench
from nc_core.mitigation.unlearning import EARLY, EARLY_STARTS, Unlearning, early_triggers
from tests.nc_core.mitigation.conftest import dense_badnet


def test_every_flagged_label_has_one_of_each_start_and_length_and_a_seed_repeats_them(
    case: Callable[..., Case], trigger: Trigger
) -> None:
    bench = Bench(case(canonical=dense_badnet(), triggers={0: trigger, 1: trigger, 2: trigger}, suspects=(0,)))
    found = early_triggers(bench, seed=3)
    assert [one.target for one in found] == [1, 1, 1, 2, 2, 2] * len(EARLY)
    masks = [one.trigger.mask for one in found]
    assert len({mask.tobytes() for mask in masks}) == 2 * len(EARLY_STARTS) * len(EARLY)
    again = early_triggers(bench, seed=3)
    np.testing.assert_array_equal(masks[0], again[0].trigger.mask)


def test_it_stops_when_asked(case: Callable[..., Case]) -> None:
    with pytest.raises(Cancelled):
        early_triggers(Bench(case(canonical=dense_badnet())), seed=0, should_stop=lambda: True)


def test_they_are_unlearned_in_every_round_the_same(
    case: Callable[..., Case], trigger: Trigger, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given rounds of unlearning that note what they are given
    given: list[Sequence[TargetTrigger]] = []
    early = [TargetTrigger(2, trigger)]
    asked: list[int] = []

    def made(_: Bench, *, seed: int, **__: Any) -> list[TargetTrigger]:
        asked.append(seed)
        return early

    monkeypatch.setattr(unlearning, "early_triggers", made)
    monkeypatch.setattr(unlearning, "unlearn_round", lambda _, known, **__: given.append(known))
    bench, known = Bench(case()), [TargetTrigger(2, trigger)]
    # When two rounds are made
    patch = Unlearning()
    for seed in (1, 2):
        assert patch(bench, known, seed=seed, progress=lambda _: None, should_stop=None)
    # Then the early triggers are made once, of the submitted net
    assert asked == [1]
    assert given == [[*known, *early]] * 2
