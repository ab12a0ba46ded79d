"""Which repair is kept: the least attack among those that cost no more than they may."""

import math

import pytest

from nc_core.choice import Candidate, candidate_of, choose


def candidate(method: str, *, attack: float = 0.0, accuracy: float = 0.95, least: float = 0.9) -> Candidate:
    return Candidate(method=method, attack=attack, accuracy=accuracy, least=least)


def test_the_least_attack_is_kept_whatever_accuracy_it_leaves_above_the_bound() -> None:
    choice = choose([candidate("a", attack=0.3, accuracy=0.99), candidate("b", attack=0.1, accuracy=0.91)])
    assert (choice.kept, choice.closest) == ("b", None)
    assert "10.0%" in choice.reason


def test_where_triggers_are_dead_accuracy_decides() -> None:
    assert choose([candidate("a", attack=0.0), candidate("b", attack=0.009, accuracy=0.96)]).kept == "b"
    assert choose([candidate("a", attack=0.0), candidate("b", attack=0.02, accuracy=0.99)]).kept == "a"


def grown(method: str, times: float | None, *, accuracy: float = 0.95, attack: float = 0.0) -> Candidate:
    return Candidate(method=method, attack=attack, accuracy=accuracy, least=0.9, grown=times)


def test_where_triggers_are_dead_one_that_comes_back_small_counts_before_accuracy() -> None:
    # Given a repair that kills what it was taught, while a trigger not twice as large works again
    kept = [choose([grown("a", 1.7, accuracy=0.99), grown("b", times)]).kept for times in (3.3, 3.5, 10.0)]
    assert kept == ["a", "b", "b"]
    told = choose([grown("a", 1.7, accuracy=0.99), grown("b", 10.0)]).reason
    assert "a far smaller trigger works again on the net of a" in told
    # Then it is not kept for its accuracy; where nothing works again, or nobody knows, that is no reason against others
    assert choose([grown("a", 5.0, accuracy=0.99), grown("b", math.inf)]).kept == "a"
    assert choose([grown("a", None, accuracy=0.99), grown("b", 9.0)]).kept == "a"
    assert choose([grown("a", 1.7, accuracy=0.99), grown("b", 9.0, attack=0.3)]).kept == "a"


def test_how_much_triggers_have_grown_is_read_from_the_fresh_ones_of_flagged_labels() -> None:
    # Given a repair of labels 1 and 2, and of a suspect
    rescan = {
        "1": {"norms": [40.0, None, 30.0], "scanned": 10.0},
        "2": {"norms": [None], "scanned": 10.0},
        "3": {"norms": [9.0], "scanned": 10.0},
        "4": {"norms": [9.0]},
    }
    bound = {"after": 0.9, "least": 0.8}
    measured = {
        "method": "unlearning",
        "reversed_attack_success_rate_after": dict.fromkeys("1234", 0.0),
        "bound": bound,
        "rescan": rescan,
    }
    found = [candidate_of(measured, flagged).grown for flagged in ([1], [2], [1, 2], [4])]
    assert found == [3.0, math.inf, 3.0, None]


def test_what_costs_too_much_is_not_kept_and_is_named() -> None:
    choice = choose([candidate("a", accuracy=0.899), candidate("b", attack=0.5, accuracy=0.9)])
    assert choice.kept == "b"
    assert "rejected for their accuracy: a" in choice.reason


def test_where_all_cost_too_much_the_closest_to_its_own_bound_is_named() -> None:
    choice = choose([candidate("a", accuracy=0.88), candidate("b", accuracy=0.79, least=0.8)])
    assert (choice.kept, choice.closest) == (None, "b")
    assert "79.0% where at least 80.0% is asked" in choice.reason


def test_a_net_that_its_own_scan_calls_backdoored_comes_last() -> None:
    still = Candidate(method="a", attack=0.0, accuracy=0.95, least=0.9, backdoored=True)
    choice = choose([still, candidate("b", attack=0.4)])
    assert choice.kept == "b"
    assert "still called backdoored by a scan of the whole net: a" in choice.reason
    # Where there is no other it is kept, and that is said
    assert choose([still, candidate("b", accuracy=0.1)]).kept == "a"
    assert "the scan of the whole repaired net still calls it backdoored" in choose([still]).reason


def test_a_guard_alone_is_kept_only_where_no_repair_may_be() -> None:
    guard = Candidate(method="filter", attack=0.0, accuracy=0.95, least=0.9, repairs=False)
    assert choose([guard, candidate("a", attack=0.4)]).kept == "a"
    assert choose([guard, candidate("a", accuracy=0.1)]).kept == "filter"


def test_a_guard_that_is_kept_does_not_hide_which_repair_came_closest() -> None:
    guard = Candidate(method="filter", attack=0.02, accuracy=0.95, least=0.9, repairs=False)
    choice = choose([candidate("a", accuracy=0.85), guard, candidate("b", accuracy=0.89)])
    assert (choice.kept, choice.closest) == ("filter", "b")
    assert "every repair costs more accuracy than it may; b comes closest, with 89.0%" in choice.reason
    assert "filter leaves the least attack, 2.0%" in choice.reason


def test_a_guard_is_no_repair_that_comes_closest() -> None:
    guard = Candidate(method="filter", attack=0.0, accuracy=0.89, least=0.9, repairs=False)
    assert choose([guard, candidate("a", accuracy=0.8)]).closest == "a"
    alone = choose([guard])
    assert (alone.kept, alone.closest) == (None, None)
    assert alone.reason == "filter costs more accuracy than it may, with 89.0% where at least 90.0% is asked"


def test_the_order_in_which_they_ended_does_not_matter() -> None:
    several = [candidate("b"), candidate("a"), candidate("c", accuracy=0.1)]
    assert choose(several) == choose(several[::-1])
    assert choose(several).kept == "a"


def test_nothing_is_no_choice() -> None:
    with pytest.raises(ValueError, match="no repair to choose from"):
        choose([])
