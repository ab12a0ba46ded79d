"""A whole scan in this process, of nets that the clean images fit in two value ranges alike."""

from pathlib import Path

import pytest

from nc_core.scan import case_of, scan
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


def test_the_user_s_word_has_one_range_scanned(tmp_path: Path) -> None:
    model, data = gated.write(tmp_path, "0..255")
    found = scan(model, data, value_range="0..1")
    assert found.detection.verdict == "clean"
    # And it prints as one line, without the arrays of nets and images
    assert str(found).startswith("<Scan of 12 labels: clean, p = ")
    assert len(str(found)) < 80
    assert [one.value_range for one in found.detection.ranges] == ["0..1"]
