"""Patch, look again, go on: when the loop ends, and what it takes back."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from nc_core.datasets.prepared import Part, Prepared
from nc_core.errors import NothingToRepair
from nc_core.intake import CanonicalModel
from nc_core.inversion import Trigger
from nc_core.mitigation import Case, Repair
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench, close_loop
from tests.nc_core.mitigation.conftest import dense_badnet

MakeCase = Callable[..., Case]


class Patching:
    """A method that writes the number of its round into the net, and can ruin it."""

    def __init__(self, ruins: int | None = None, rounds: int = 100, by: float = 1e6) -> None:
        self.known: list[int] = []
        self._ruins, self._rounds, self._by = ruins, rounds, by

    def __call__(self, bench: Bench, known: Sequence[TargetTrigger], **_: object) -> bool:
        self.known.append(len(known))
        *kernels, bias = bench.model.get_weights()
        ruined = len(self.known) == self._ruins
        bias[:] = [self._by if ruined else 0.0, *[1e-3 * len(self.known)] * (len(bias) - 1)]
        bench.model.set_weights([*kernels, bias])
        return len(self.known) <= self._rounds


@pytest.fixture
def two(case: MakeCase, trigger: Trigger) -> MakeCase:
    """A net that is right on all images, with labels 1 and 2 flagged."""
    badnet = dense_badnet()
    return lambda **changed: case(canonical=badnet, triggers={1: trigger, 2: trigger}, **changed)


def closed(case: Case, patch: Patching, least: int = 1) -> Repair:
    return close_loop(case, patch, method="method", doing="patching", least=least)


def bias_of(net: CanonicalModel) -> float:
    return float(net.weights[net.layers[-1].weights[-1]][1])


def test_it_goes_on_until_nothing_small_is_found(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    # Given a net on which two looks find label 2, and a third finds nothing
    seeds, patch = looks([2], [2], []), Patching()
    repair = closed(two(), patch)
    # Then there are three rounds, each with the triggers found before, of label 2 alone, and seeds of its own
    assert repair.rounds == 3
    assert patch.known == [2, 5, 8]
    assert len(set(seeds)) == 3
    assert "ended by: nothing small found" in repair.notes[0]
    assert bias_of(repair.goodnet) == pytest.approx(3e-3)


def test_a_method_may_ask_for_more_rounds_than_are_needed(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    looks([], [])
    patch = Patching()
    assert closed(two(), patch, least=2).rounds == 2
    assert patch.known == [2, 8]


def test_a_label_whose_small_trigger_goes_with_the_leaders_is_a_follower(
    two: MakeCase, looks: Callable[..., list[int]]
) -> None:
    # Given labels 1 and 2, of which 1 leads, and nothing small once its trigger is away
    looks([])
    patch = Patching()
    repair = closed(two(leaders=(1,)), patch)
    # Then the trigger of 2 was never patched, and 2 followed
    assert patch.known == [1]
    assert repair.followers == (2,)
    assert repair.to_json()["followers"] == [2]
    assert any("Label 2 lost the small trigger" in note for note in repair.notes)


def test_a_label_that_stays_small_without_the_leaders_is_repaired_as_well(
    two: MakeCase, looks: Callable[..., list[int]]
) -> None:
    # Given two rounds at least, after which label 2 is still small, and a third round
    looks([], [2], [])
    patch = Patching()
    repair = closed(two(leaders=(1,)), patch, least=2)
    # Then the second is of the leader's triggers alone, the third of those of 2 as well
    assert patch.known == [1, 4, 7]
    assert not repair.followers


def test_a_label_that_stands_out_on_the_repaired_net_is_repaired_too(
    two: MakeCase, looks: Callable[..., list[int]]
) -> None:
    # Given labels 1 and 2 without a small trigger after the first round, and a scan of all labels that flags 3
    looks([], [], standing_out=[[3]])
    patch = Patching()
    repair = closed(two(), patch)
    # Then the second round is of its trigger too, and what is handed out was scanned once more
    assert patch.known == [2, 3]
    assert repair.repaired == (1, 2, 3)
    assert repair.after is not None
    assert repair.to_json()["verdict_after"] == {
        "verdict": "clean",
        "reason": repair.after.reason,
        "p_value": repair.after.p_value,
        "threshold": 0.05,
        "flagged_labels": [],
        "labels": 4,
    }
    assert any("All 4 labels of the repaired net were scanned again: clean" in note for note in repair.notes)


def test_a_net_that_is_still_called_backdoored_says_so(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    looks([], standing_out=[[3]])
    repair = closed(two(max_accuracy_loss=0.0), Patching(ruins=1))
    assert repair.after is not None
    assert repair.after.verdict == "backdoored"
    assert any("scanned again: still backdoored" in note for note in repair.notes)


def test_a_label_that_stays_small_to_the_end_followed_nobody(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    looks([2], [2])
    repair = closed(two(leaders=(1,), max_accuracy_loss=0.01), Patching(ruins=2))
    assert repair.rounds == 1
    assert not repair.followers


def test_a_suspect_is_repaired_from_the_first_round_on_and_is_no_follower(
    two: MakeCase, looks: Callable[..., list[int]]
) -> None:
    looks([])
    patch = Patching()
    assert not closed(two(leaders=(1,), suspects=(2,)), patch).followers
    assert patch.known == [2]


def test_a_leader_without_a_trigger_leaves_the_others_to_lead(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    # Given a label that was flagged though its own inversion did not converge, and which alone leads
    looks([])
    patch = Patching()
    closed(two(leaders=(0,)), patch)
    assert patch.known == [2]


def test_a_round_that_costs_too_much_is_taken_back(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    # Given a method whose second round leaves a net that answers 0 to everything
    looks([2], [2])
    repair = closed(two(max_accuracy_loss=0.01), Patching(ruins=2))
    # Then the net of the first is the result, with what was found on it, and it holds the bound
    assert repair.rounds == 1
    assert bias_of(repair.goodnet) == pytest.approx(1e-3)
    assert repair.rescan[2].small
    assert repair.bound.holds
    assert "ended by: accuracy bound" in repair.notes[0]
    assert any("Label 2 still has a trigger" in note for note in repair.notes)


def test_of_a_round_that_costs_too_much_the_part_is_kept_that_does_not(
    two: MakeCase, looks: Callable[..., list[int]]
) -> None:
    # Given a second round that goes four times as far towards 0 as the images bear
    seeds = looks([2], [2])
    repair = closed(two(max_accuracy_loss=0.01), Patching(ruins=2, by=20.0))
    # Then a part of it is the result, which was looked at, and the loop ends there
    assert repair.rounds == 2
    assert repair.bound.holds
    assert len(seeds) == 2
    assert 1e-3 < bias_of(repair.goodnet) < 2e-3
    assert "ended by: accuracy bound" in repair.notes[0]


def test_a_first_round_that_costs_too_much_is_told_as_rejected(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    looks([2])
    repair = closed(two(max_accuracy_loss=0.0), Patching(ruins=1))
    assert repair.rounds == 1
    assert not repair.bound.holds
    assert any(note.startswith("Rejected: accuracy on 160 held-out images fell from") for note in repair.notes)


def test_a_round_that_costs_too_much_on_held_out_images_is_taken_back(
    two: MakeCase, looks: Callable[..., list[int]], prepared: Prepared
) -> None:
    # Given a second round that ruins the net, which the images for decisions do not show: they are all of class 0
    looks([2], [])
    blind = Part(x=prepared.fit.x[prepared.fit.y == 0], y=prepared.fit.y[prepared.fit.y == 0])
    given = two(prepared=replace(prepared, fit=blind), max_accuracy_loss=0.01)
    repair = closed(given, Patching(ruins=2))
    # Then the first is the result
    assert repair.rounds == 1
    assert repair.bound.holds
    assert "ended by: accuracy bound" in repair.notes[0]


def test_what_is_handed_out_is_settled(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    # Given a method of two rounds at least, whose second is taken back: the first was not looked at to the end
    looks([2])
    repair = closed(two(max_accuracy_loss=0.01), Patching(ruins=2), least=2)
    assert repair.rounds == 1
    assert repair.rescan[2].small


def test_a_method_that_can_do_nothing_fails(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    looks()
    with pytest.raises(NothingToRepair, match="method finds nothing in this net that it may change"):
        closed(two(), Patching(rounds=0))


def test_a_method_that_has_nothing_left_to_do_ends_the_loop(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    looks([2], [2], [2])
    repair = closed(two(), Patching(rounds=2))
    assert repair.rounds == 2
    assert bias_of(repair.goodnet) == pytest.approx(2e-3)


def test_every_repair_says_that_the_true_rate_is_unknown(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    looks([])
    notes = closed(two(), Patching()).notes
    assert any("true attack rate is unknown" in note for note in notes)


def test_what_changed_is_told_layer_by_layer(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    looks([])
    repair = closed(two(), Patching())
    (change,) = repair.changed
    net = two().canonical
    assert change.layer == net.layers[-1].name
    assert change.weights == sum(net.weights[key].size for key in net.layers[-1].weights)
    assert change.changed == 3
    assert 0 < (change.relative or 0) < 0.1
    assert np.isfinite(repair.seconds)


def test_a_last_patch_is_made_once_and_looked_at(
    two: MakeCase, looks: Callable[..., list[int]], trigger: Trigger
) -> None:
    # Given a label behind those under repair, and nothing small after the first round
    seeds, patch, last = looks([], []), Patching(), Patching()
    repair = close_loop(two(beyond={0: trigger}), patch, method="method", doing="patching", last=last)
    # Then the net is patched once more, with its trigger and the six of the look along, looked at again, and the result
    # says so
    assert (patch.known, last.known) == ([2], [9])
    assert len(seeds) == 2
    assert repair.rounds == 1
    assert repair.to_json()["repaired_beyond"] == [0]
    assert any("labels that came next (smallest first: 0)" in note for note in repair.notes)


def test_what_came_next_in_rank_is_left_alone_where_that_costs_too_much(
    two: MakeCase, looks: Callable[..., list[int]], trigger: Trigger
) -> None:
    # Given a last patch that ruins the net with the trigger of one more label
    seeds, patch, last = looks([], []), Patching(), Patching(ruins=1)
    repair = close_loop(two(beyond={0: trigger}), patch, method="method", doing="patching", last=last)
    # Then it is made again without
    assert last.known == [9, 8]
    assert repair.beyond == ()
    assert len(seeds) == 2
    assert bias_of(repair.goodnet) == pytest.approx(2e-3)


@pytest.mark.parametrize(("by", "kept"), [(20.0, True), (1e6, False)])
def test_as_large_a_part_of_the_last_patch_is_kept_as_costs_no_accuracy(
    two: MakeCase, looks: Callable[..., list[int]], by: float, kept: bool
) -> None:
    # Given a last patch that goes too far towards 0, from a net whose first round is at 1e-3
    seeds = looks([], [])
    last = Patching(ruins=1, by=by)
    repair = close_loop(two(), Patching(), method="method", doing="patching", last=last)
    # Then a part of it is kept and looked at, or none of it
    assert len(seeds) == 1 + kept
    first = repair.goodnet.weights[repair.goodnet.layers[-1].weights[-1]][0]
    assert 0.0 < first < by if kept else first == 0.0
    assert repair.accuracy_after > 0.99


def test_without_labels_a_last_patch_has_the_known_triggers_alone(
    two: MakeCase, looks: Callable[..., list[int]], prepared: Prepared
) -> None:
    looks([], [])
    last = Patching()
    unlabelled = two(prepared=replace(prepared, labelled=False))
    close_loop(unlabelled, Patching(), method="method", doing="patching", last=last)
    assert last.known == [2]


def test_a_net_with_small_triggers_left_has_no_last_patch(two: MakeCase, looks: Callable[..., list[int]]) -> None:
    looks([2], [2])
    last = Patching()
    close_loop(two(max_accuracy_loss=0.01), Patching(ruins=2), method="method", doing="patching", last=last)
    assert last.known == []
