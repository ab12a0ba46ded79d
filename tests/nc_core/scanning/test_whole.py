"""A net under repair is scanned as the submitted one was."""

from dataclasses import replace
from pathlib import Path

import pytest

from nc_core.datasets.prepared import Part, Prepared
from nc_core.detection import LabelNorm, detect
from nc_core.errors import Cancelled
from nc_core.inversion import FAST
from nc_core.scanning import whole as scanning
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


@pytest.mark.parametrize(("images", "verdict"), [(99, "inconclusive"), (100, "clean")])
def test_with_few_images_a_repaired_net_is_not_called_clean(
    preparation: Preparation, monkeypatch: pytest.MonkeyPatch, images: int, verdict: str
) -> None:
    # Given a repaired net in which nothing is found, by a scan with so many images
    norms = [LabelNorm(label=label, state="done", norm=40.0 + label) for label in range(12)]
    monkeypatch.setattr(scanning, "invert_rounds", lambda *_, **__: {})
    found = detect(norms, classes=12, pixels=1024)
    monkeypatch.setattr(scanning, "detect", lambda *_, **__: found)
    given = preparation.data()
    fit, holdout, repair = (replace(part, x=part.x[:many], y=part.y[:many]) for part, many in _parts(given, images))
    prepared = replace(given, fit=fit, holdout=holdout, repair=repair)
    rounds = plan(preparation.labels, profile="fast", seed=0)
    # When it is judged
    again = WholeNet(prepared=prepared, rounds=rounds, slots=1, alpha=0.05)(preparation.model, seed=0).detection
    # Then it is called clean only where the images are not few
    assert again.verdict == verdict
    assert ("99 clean images" in again.reason) is (verdict == "inconclusive")


def _parts(prepared: Prepared, images: int) -> list[tuple[Part, int]]:
    """The three parts, and how many images of each make so many together."""
    return [(prepared.fit, 40), (prepared.holdout, 30), (prepared.repair, images - 70)]
