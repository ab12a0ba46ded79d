"""What a repair gives back; how the methods repair is told in tests/nc_core/mitigation."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import nc_core
from nc_core.datasets import Images
from nc_core.errors import OptionRefused
from nc_core.face.found import Found
from nc_core.face.repair import REPAIRS, Fixed
from nc_core.inversion import Predictor
from nc_core.mitigation import METHODS, Case, Repair
from nc_core.mitigation.bound import BoundOutcome
from nc_core.mitigation.measures import measure
from nc_core.models import build_logits
from tests.api.results.report.conftest import Page
from tests.differential.compare import TOLERANCE, distance
from tests.differential.onnx.compare import theirs
from tests.nc_core.face.conftest import TARGET


def cutting(case: Case, *, progress: Callable[[float, str], None], least: float = 0.95) -> Repair:
    """A method that takes away whatever speaks for the target alone in the last layer."""
    key = next(key for key in reversed(case.canonical.weights) if case.canonical.weights[key].shape == (26, 12))
    weights = case.canonical.weights[key].copy()
    weights[24, TARGET] = 0.0
    goodnet = replace(case.canonical, weights={**case.canonical.weights, key: weights})
    before, after = (
        measure(Predictor(build_logits(net)), case.prepared.holdout, case.triggers) for net in (case.canonical, goodnet)
    )
    progress(1.0, "cutting")
    bound = BoundOutcome(
        measure="accuracy", confidence_cut=None, images=48, before=before.accuracy, after=after.accuracy, least=least
    )
    return Repair(
        method="unlearning",
        goodnet=goodnet,
        accuracy_before=before.accuracy,
        accuracy_after=after.accuracy,
        reversed_attack_success_rate_before=before.reversed_rates,
        reversed_attack_success_rate_after=after.reversed_rates,
        recovery_accuracy_before=before.recovery,
        recovery_accuracy_after=after.recovery,
        bound=bound,
        rescan={},
        fresh=(),
        rounds=1,
        changed=(),
        seconds=1.0,
        notes=(),
    )


@pytest.fixture
def fixed(found: Found, monkeypatch: pytest.MonkeyPatch) -> Fixed:
    monkeypatch.setitem(METHODS, "unlearning", cutting)
    return nc_core.repair(found)


def test_it_says_what_it_cost_and_what_is_left(fixed: Fixed) -> None:
    assert fixed.kept
    assert fixed.accuracy == (1.0, 1.0)
    assert fixed.attack_success_rates[TARGET].before >= 0.98
    assert fixed.attack_success_rates[TARGET].after <= 0.1
    assert str(fixed).startswith("repaired by unlearning: accuracy 100.0% -> 100.0%\nattack success rate of label 6")
    assert str(fixed).splitlines()[-1].startswith("next: fixed.model is the repaired net")
    assert repr(fixed) == "<Repair by unlearning, kept: accuracy 100.0% -> 100.0%>"


def test_its_model_is_the_net_that_it_saves_and_the_attack_is_gone(
    fixed: Fixed, net: keras.Model, images: Images, tmp_path: Path
) -> None:
    assert images.labels is not None
    loaded = keras.models.load_model(fixed.save(tmp_path / "goodnet.keras"))
    stamped = images.pixels[images.labels != TARGET].copy()
    stamped[:, -2:, -2:] = 255
    x = stamped / np.float32(255)
    repaired = fixed.model.predict(x, verbose=0)
    assert np.allclose(loaded.predict(x, verbose=0), repaired, atol=1e-6)
    # And ONNX Runtime answers as it
    content = fixed.save(tmp_path / "goodnet.onnx").read_bytes()
    assert distance(repaired, theirs(content, x)) <= TOLERANCE
    # And the model that was scanned is the one that it was
    assert (net.predict(x, verbose=0).argmax(axis=1) == TARGET).all()
    assert not (repaired.argmax(axis=1) == TARGET).any()
    # And it is evaluated in the range of its scan
    told = nc_core.evaluate(fixed, images, poisoned=(stamped, np.full(len(stamped), TARGET)))
    assert (told.accuracy, told.attack_success_rate, told.value_range) == (1.0, 0.0, "0..1")


def test_its_report_is_of_the_scan_and_the_repair(fixed: Fixed, tmp_path: Path) -> None:
    page = Page(fixed.report(tmp_path / "x.html").read_text("utf-8"))
    assert "Repair: unlearning" in page.text
    assert "Accuracy repaired" in page.text


def test_a_repair_that_costs_too_much_is_not_handed_out(
    found: Found, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(METHODS, "unlearning", lambda case, progress: cutting(case, progress=progress, least=1.01))
    dear = nc_core.repair(found)
    assert not dear.kept
    assert "no repair is handed out" in str(dear)
    for asked in (lambda: dear.model, lambda: dear.save(tmp_path / "x.keras")):
        with pytest.raises(OptionRefused, match="every repair costs more accuracy than it may"):
            asked()
    assert list(tmp_path.iterdir()) == []


def test_the_bound_is_the_caller_s(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def method(case: Case, *, progress: Any) -> Repair:
        seen.append(case.max_accuracy_loss)
        return cutting(case, progress=progress)

    monkeypatch.setitem(METHODS, "unlearning", method)
    nc_core.repair(found, max_accuracy_loss=0.2)
    assert seen == [0.2]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"method": "magic"}, "method is 'magic': pass one of unlearning"),
        ({"method": "retraining"}, "method is 'retraining'"),
        ({"max_accuracy_loss": 2.0}, "max_accuracy_loss is 2.0"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(found: Found, options: dict[str, Any], line: str) -> None:
    with pytest.raises(OptionRefused, match=line):
        nc_core.repair(found, **options)


def test_what_is_no_scan_is_refused(net: keras.Model) -> None:
    with pytest.raises(OptionRefused, match=r"this is a Sequential: pass nc_core.scan"):
        nc_core.repair(net)


def test_a_path_that_is_no_keras_file_is_refused(fixed: Fixed, tmp_path: Path) -> None:
    with pytest.raises(OptionRefused, match=r"does not end in \.keras"):
        fixed.save(tmp_path / "goodnet.h5")


def test_all_methods_that_are_offered_are_there() -> None:
    assert {*REPAIRS} < METHODS.keys()
