"""What a fresh norm after a repair may be judged among."""

import pytest

from nc_core.detection import LabelNorm, StillFlagged
from nc_core.scanning.detectors import Detector, comparable


@pytest.mark.parametrize(("detector", "found"), [("neural-cleanse", True), ("gangsweep", False)])
def test_a_fresh_norm_is_judged_among_those_of_its_own_kind(detector: Detector, found: bool) -> None:
    # Given a scan with one flagged label, and clean norms that are far larger than a fresh one after the repair
    norms = [LabelNorm(label=label, state="done", norm=400.0 + label, attack_success_rate=1.0) for label in range(30)]
    judge = StillFlagged(labels=comparable(norms, [3], detector=detector), flagged=(3,), pixels=1024, alpha=0.05)
    # Then it is found again only where the scan's were made as it was; GangSweep's are larger for any label
    fresh = LabelNorm(label=3, state="done", norm=200.0, attack_success_rate=1.0)
    assert judge(fresh) is found
    # And a tiny one always
    assert judge(LabelNorm(label=3, state="done", norm=2.0, attack_success_rate=1.0))
