"""The filter as a method among the repairs: the net stays what it was, the guard is measured."""

import json
from collections.abc import Callable

import pytest

from nc_core.errors import Cancelled
from nc_core.inversion import Predictor
from nc_core.mitigation import METHODS, Case, guard_of


def test_the_net_is_unchanged_and_the_result_says_what_that_means(case: Callable[..., Case]) -> None:
    given = case(false_positive_rate=0.1)
    repair = METHODS["filter"](given)
    assert repair.goodnet is given.canonical
    assert (repair.changed, repair.rounds, repair.rescan) == ((), 0, {})
    assert any("there is no GoodNet" in note for note in repair.notes)
    assert any("true attack rate is unknown" in note for note in repair.notes)
    told = json.loads(json.dumps(repair.to_json(), allow_nan=False))
    assert told["reversed_attack_success_rate_after"].keys() == {"2"}


def test_what_it_measures_is_what_its_guard_answers(case: Callable[..., Case]) -> None:
    given = case(false_positive_rate=0.1)
    repair = METHODS["filter"](given)
    guard, holdout = guard_of(given, repair), given.prepared.holdout
    assert guard is repair.guard
    answers = Predictor(guard.model)(holdout.x).argmax(axis=1)
    assert repair.accuracy_after == (answers == holdout.y).mean()
    assert guard.clean_rate == (answers == given.prepared.classes).mean()


def test_it_stops_when_asked(case: Callable[..., Case]) -> None:
    with pytest.raises(Cancelled):
        METHODS["filter"](case(), should_stop=lambda: True)
