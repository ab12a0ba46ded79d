"""A whole scan in this process, of nets that the clean images fit in two value ranges alike."""

import time
from pathlib import Path

import pytest

from nc_core.errors import OptionRefused
from nc_core.inversion import Progress
from nc_core.scanning.scan import case_of, scan
from tests import gated


@pytest.mark.parametrize("gate", ["0..1", "0..255"])
def test_a_backdoor_that_works_in_one_range_alone_is_found_there(gate: gated.Gate, tmp_path: Path) -> None:
    # Given a net whose clean answers are the same in both ranges
    model, data = gated.write(tmp_path, gate)
    # When it is scanned without a word about its range
    found = scan(model, data)
    # Then it is backdoored, in that range, and clean in the other
    assert found.detection.verdict == "backdoored"
    assert found.detection.flagged_labels == (6,)
    verdicts = {one.value_range: one.verdict for one in found.detection.ranges}
    assert verdicts == {gate: "backdoored", "0..255" if gate == "0..1" else "0..1": "clean"}
    assert gate in found.detection.reason
    # And every start of the label is told with its rate on held-out images
    inversion = found.inversions[6]
    assert inversion.evidence is not None
    assert len(inversion.evidence.starts) == 3
    assert (inversion.norm, inversion.attack_success_rate) in inversion.evidence.starts
    # And a repair would work with the triggers, the images and the limit of that range
    assert found.prepared.domain.value_range == gate
    case = case_of(found)
    assert case.prepared.domain.value_range == gate
    assert case.still_flagged.alpha == found.detection.threshold / 2
    assert case.triggers[6].norm == found.inversions[6].norm


class Clock:
    """Time that stands still until a label is begun: then the budget is used up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, label: int) -> None:
        self._now, self._label = 0.0, label
        monkeypatch.setattr(time, "monotonic", lambda: self._now)

    def progress(self, _round: int, label: int, _told: Progress) -> None:
        self._now = 600.0 if label == self._label else self._now


def test_when_the_budget_is_used_up_the_rest_is_cancelled_and_the_verdict_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a clean net, of whose labels five have ended when the budget is used up
    model, data = gated.write(tmp_path, "none")
    clock = Clock(monkeypatch, 5)
    # When it is scanned label after label
    found = scan(model, data, value_range="0..1", slots=1, budget_minutes=10, progress=clock.progress)
    # Then the others are cancelled, and nothing is called clean
    states = [found.inversions[label].state for label in range(12)]
    assert states == ["done"] * 5 + ["cancelled"] * 7
    assert found.inversions[11].reason == "the budget of 10 minutes was used up"
    assert found.detection.verdict == "inconclusive"
    assert found.detection.reason.endswith("The budget of 10 minutes was used up.")


def test_what_would_be_called_a_backdoor_is_confirmed_after_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a net with a backdoor to label 6, and a budget that is used up once that has ended
    model, data = gated.write(tmp_path, "0..1")
    clock = Clock(monkeypatch, 9)
    found = scan(model, data, value_range="0..1", slots=1, budget_minutes=10, progress=clock.progress)
    # Then it is found, from three starts, and its neighbours were not inverted again
    assert found.detection.flagged_labels == (6,)
    several = {label: one.evidence.starts for label, one in found.inversions.items() if one.evidence is not None}
    assert [label for label, starts in several.items() if len(starts) == 3] == [6]
    assert found.inversions[11].state == "cancelled"


def test_a_budget_of_no_minutes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionRefused, match="the budget is 0 minutes: pass more than 0"):
        scan(*gated.write(tmp_path, "none"), budget_minutes=0)


def test_the_user_s_word_has_one_range_scanned(tmp_path: Path) -> None:
    model, data = gated.write(tmp_path, "0..255")
    found = scan(model, data, value_range="0..1")
    assert found.detection.verdict == "clean"
    # And it prints as one line, without the arrays of nets and images
    assert str(found).startswith("<Scan of 12 labels: clean, p = ")
    assert len(str(found)) < 80
    assert [one.value_range for one in found.detection.ranges] == ["0..1"]
