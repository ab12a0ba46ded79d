"""A net under repair is scanned as the submitted one was."""

from pathlib import Path

import pytest

from nc_core.errors import Cancelled
from nc_core.inversion import FAST
from nc_core.scanning.preparation import Preparation, prepare_scan
from nc_core.scanning.rounds import plan
from nc_core.scanning.scan import scan_labels
from nc_core.scanning.whole import WholeNet
from tests import gated


@pytest.fixture
def preparation(tmp_path: Path) -> Preparation:
    model, data = gated.write(tmp_path, "0..1")
    return prepare_scan(model, data, profile=FAST, labels=[5, 6, 7], value_range="0..1")


def test_the_submitted_net_gets_the_verdict_of_its_scan(preparation: Preparation) -> None:
    # Given a net and the scan of its labels
    prepared, rounds = preparation.data(), plan(preparation.labels, profile="fast", seed=0)
    inversions, found = scan_labels(preparation, prepared, rounds, seed=0)
    # When the net, unchanged, is scanned as a repaired one
    told: list[float] = []
    again = WholeNet(prepared=prepared, rounds=rounds, slots=preparation.slots, alpha=0.05)
    whole = again(preparation.model, seed=0, progress=told.append)
    # Then all numbers are the same
    assert whole.detection == found
    assert {label: one.norm for label, one in whole.inversions.items()} == {
        label: one.norm for label, one in inversions.items()
    }
    assert told == sorted(told)
    assert 0.0 < told[-1] <= 1.0


def test_it_can_be_stopped(preparation: Preparation) -> None:
    rounds = plan(preparation.labels, profile="fast", seed=0)
    again = WholeNet(prepared=preparation.data(), rounds=rounds, slots=preparation.slots, alpha=0.05)
    with pytest.raises(Cancelled):
        again(preparation.model, seed=0, should_stop=lambda: True)
