"""What a repair says of what is left."""

from collections.abc import Callable
from dataclasses import replace

from nc_core.mitigation import Case
from nc_core.mitigation.loop import Bench
from nc_core.mitigation.rescan import Found, Rescan
from nc_core.mitigation.wording import notes_of

CLEAN = Rescan(norm=60.0, flagged=False, norms=(55.0, 60.0, 70.0), clean_quantile=50.0, small=False)
SMALL = replace(CLEAN, norms=(40.0, 60.0, 70.0), small=True)
EARLY = replace(CLEAN, small=True, early_norm=90.0, early_quantile=100.0)


def told(case: Case, one: Rescan) -> str:
    bench = Bench(case)
    found, bound = Found(rescan={2: one}, triggers=()), bench.bound.outcome(bench.predict)
    return " ".join(notes_of(case, bench.lessons, bound, found, rounds=1, end="most rounds"))


def test_what_is_small_is_told_by_what_it_is_small_in(case: Callable[..., Case]) -> None:
    given = case()
    trigger, mask = "Label 2 still has a trigger smaller than", "Label 2 still has a mask smaller than"
    assert trigger not in told(given, CLEAN)
    assert mask not in told(given, CLEAN)
    assert trigger in told(given, SMALL)
    assert mask not in told(given, SMALL)
    assert trigger not in told(given, EARLY)
    assert mask in told(given, EARLY)


def test_a_label_that_is_small_both_ways_or_that_stands_out_is_told_by_its_trigger(case: Callable[..., Case]) -> None:
    both = replace(SMALL, early_norm=90.0, early_quantile=100.0)
    assert "a trigger smaller than" in told(case(), both)
    assert "a mask smaller than" not in told(case(), both)
    assert "a mask smaller than" not in told(case(), replace(EARLY, flagged=True))
