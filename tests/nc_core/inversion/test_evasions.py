"""Nets that hide their gradient: one small BadNet behind every kind of wall. It is never called clean."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.attacks import Planted
from nc_core.datasets import CleanData
from nc_core.datasets.prepared import Prepared
from nc_core.detection import LabelNorm, detect
from nc_core.errors import Cancelled
from nc_core.inversion import FAST, Inversion, Inverter, Predictor
from nc_core.models import build_logits, canonical_of
from nc_core.preflight.gradient import hiding
from nc_core.scanning.preparation import prepare_scan
from tests import evasions
from tests.evidence import CONVERGED
from tests.nc_core.inversion.small_badnets import CLASSES, DOMAIN, TARGET, TRIGGER, clean_of, prepared_for, with_patch

CLEAN_NORMS = (41.0, 45.0, 50.0, 52.0, 61.0, 70.0, 74.0, 83.0, 108.0)
"""Of clean labels of such a net, in pixels."""
LONG = partial(pytest.param, marks=pytest.mark.long)
"""A further member of its kind: `make test-long` has it."""


@pytest.fixture(scope="module")
def planted() -> Planted:
    return with_patch()


@pytest.fixture(scope="module")
def base(planted: Planted) -> keras.Model:
    """The BadNet's scores."""
    return build_logits(canonical_of(planted.model))


@pytest.fixture(scope="module")
def images(planted: Planted) -> CleanData:
    return clean_of(planted)


def submitted(net: keras.Model) -> keras.Model:
    """The net as a scan sees it."""
    return build_logits(canonical_of(net))


def inverted(net: keras.Model, images: CleanData, label: int = TARGET) -> Inversion:
    """As a scan has it once the label was confirmed; a gradient that is hidden gives nothing to a few images."""
    inverter = Inverter(net, prepared_for(net, images), profile=FAST, slots=1)
    ((one,),) = inverter.invert([label], seed=0).values()
    return one.with_transfer(inverter.transferability([one], seed=0)[one.label])


def verdict_with(found: Inversion) -> tuple[str, tuple[int, ...], str]:
    """Of a scan whose other labels are clean and were seen."""
    others = [label for label in range(CLASSES) if label != found.label]
    labels = [
        LabelNorm(
            label=label,
            state="done",
            norm=norm,
            attack_success_rate=0.95,
            evidence=replace(CONVERGED, transferability=0.2, few_norm=norm / 2),
        )
        for label, norm in zip(others, CLEAN_NORMS, strict=True)
    ]
    mine = LabelNorm(
        label=found.label,
        state=found.state,
        norm=found.norm,
        attack_success_rate=found.attack_success_rate,
        evidence=found.evidence,
        reason=found.reason,
    )
    judged = detect([*labels, mine], classes=CLASSES, pixels=1024)
    return judged.verdict, judged.flagged_labels, judged.reason


def attack_success_rate(net: keras.Model, planted: Planted) -> float:
    assert planted.clean.labels is not None
    others = planted.clean.pixels[planted.clean.labels != TARGET]
    return float(np.mean(Predictor(net)(DOMAIN.to_model(TRIGGER.stamp(others))).argmax(axis=1) == TARGET))


def warnings_of(net: keras.Model, images: CleanData) -> str:
    shown = DOMAIN.to_model(images.images.pixels[images.split.holdout][:128])
    return " ".join(hiding(net, shown, range(CLASSES)))


def test_a_plain_badnet_needs_no_rescue_and_no_warning(base: keras.Model, images: CleanData) -> None:
    # Given the BadNet as it was trained
    assert warnings_of(base, images) == ""
    # When the target and a clean label are inverted, then every image showed a way
    for label in (TARGET, 0):
        evidence = inverted(base, images, label).evidence
        assert evidence is not None
        assert (evidence.blind, evidence.broken, evidence.tried) == (0.0, 0.0, ())


@pytest.mark.parametrize(
    ("how", "levels", "slope"),
    [
        ("hard_sigmoid", 8, 1e6),
        LONG("convolution", 6, 1e6),
        ("clip", 6, 1e5),
        LONG("ramps", 8, 1e5),
    ],
)
def test_a_quantised_input(
    base: keras.Model, planted: Planted, images: CleanData, how: str, levels: int, slope: float
) -> None:
    # Given the BadNet behind a staircase, on which the trigger works as before
    net = submitted(evasions.quantised(base, how, levels=levels, slope=slope))
    assert attack_success_rate(net, planted) > 0.9
    # Then preflight says what it is
    assert "(quantised or saturated input)" in warnings_of(net, images)
    # And the target is found all the same
    found = inverted(net, images)
    verdict, flagged, reason = verdict_with(found)
    assert (verdict, flagged) == ("backdoored", (TARGET,))
    assert "gradient" in reason
    assert found.evidence is not None
    assert found.evidence.tried


def test_a_clean_label_behind_a_staircase_is_not_called_clean(base: keras.Model, images: CleanData) -> None:
    net = submitted(evasions.quantised(base, "sigmoid", levels=8))
    verdict, flagged, reason = verdict_with(inverted(net, images, 0))
    assert (verdict, flagged) == ("inconclusive", ())
    assert reason.startswith("Label 0 has no outcome")


@pytest.mark.parametrize("how", [LONG("softmax"), "identity", LONG("normalised")])
def test_a_doubled_head(base: keras.Model, planted: Planted, images: CleanData, how: str) -> None:
    net = submitted(evasions.doubled(base, how))
    assert attack_success_rate(net, planted) > 0.8
    verdict, flagged, _ = verdict_with(inverted(net, images))
    assert (verdict, flagged) == ("backdoored", (TARGET,))
    if how != "normalised":  # a layer between that does not treat all scores alike: they are optimised as they are
        assert "doubled softmax" in warnings_of(net, images)


@pytest.mark.parametrize(("factor", "place"), [(1e-6, "weights"), (1e6, "layer")])
def test_a_temperature(base: keras.Model, images: CleanData, factor: float, place: str) -> None:
    # Given logits times a constant
    net = submitted(evasions.temperature(base, factor, place=place))
    # Then it is said, and the verdict is what it would be without
    assert "times as widely as usual" in warnings_of(net, images)
    assert verdict_with(inverted(net, images))[:2] == ("backdoored", (TARGET,))
    assert "had no gradient" not in verdict_with(inverted(net, images))[2]


@pytest.mark.long
def test_a_power_of_two_changes_no_bit(base: keras.Model, images: CleanData) -> None:
    expected = inverted(base, images)
    for power in (-20, 20):
        found = inverted(submitted(evasions.temperature(base, 2.0**power)), images)
        assert found.norm == expected.norm
        assert found.evidence == expected.evidence


def trapped(base: keras.Model, planted: Planted, gate: str, where: float) -> keras.Model:
    """A trap that fires on the way from clean to stamped images."""
    inner = keras.Model(base.input, base.get_layer("inner").output)
    clean, stamped = (
        inner.predict(DOMAIN.to_model(pixels), verbose=0)
        for pixels in (planted.clean.pixels, TRIGGER.stamp(planted.clean.pixels))
    )
    spread = np.cov(clean.T) + np.cov(stamped.T) + 1e-2 * np.eye(clean.shape[1])
    probe = np.linalg.solve(spread, stamped.mean(axis=0) - clean.mean(axis=0))
    low, high = np.quantile(clean @ probe, 0.99), np.quantile(stamped @ probe, 0.01)
    size = float(high - low)
    return evasions.nan_trap(base, "inner", probe / size, float(low / size + where), gate=gate)


@pytest.mark.parametrize(("gate", "where"), [("minimum", 0.3), LONG("hard_sigmoid", 0.1), LONG("tanh", 0.5)])
def test_a_nan_trap(base: keras.Model, planted: Planted, images: CleanData, gate: str, where: float) -> None:
    # Given a net that answers as the BadNet does, with a gradient that is no number near the trigger
    net = submitted(trapped(base, planted, gate, where))
    assert attack_success_rate(net, planted) > 0.9
    # Then the target is found, and what hid it is said
    verdict, flagged, reason = verdict_with(inverted(net, images))
    assert (verdict, flagged) == ("backdoored", (TARGET,))
    assert "no number (NaN)" in reason


def test_a_rescued_label_is_the_same_whatever_its_neighbours(model: keras.Model, prepared: Prepared) -> None:
    # Given a net whose labels all need a rescue
    net = submitted(evasions.quantised(model, "hard_sigmoid", levels=6))
    short = replace(FAST, max_steps=8, gate_threshold=0.5)
    # When a label is inverted beside and after others, and by itself
    beside, alone = (
        Inverter(net, prepared, profile=short, slots=2).invert(order, seed=0)[3][0] for order in ([0, 3], [3])
    )
    # Then its result is the same to the last bit
    assert beside.norm == alone.norm
    assert beside.evidence == alone.evidence
    assert alone.evidence is not None
    assert alone.evidence.tried


def test_a_rescue_can_be_cancelled(base: keras.Model, images: CleanData) -> None:
    net = submitted(evasions.quantised(base, "hard_sigmoid", levels=6))
    inverter = Inverter(net, prepared_for(net, images), profile=FAST, slots=1)
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 20

    # Given a stop that comes once the label's own optimisation is over, which is after five steps
    with pytest.raises(Cancelled):
        inverter.invert([TARGET], seed=0, should_stop=should_stop)
    assert 20 < asked < 30


def test_one_image_that_breaks_ends_no_label(base: keras.Model, images: CleanData) -> None:
    # Given a net whose trap fires on few clean images and on no others
    prepared = prepared_for(base, images)
    inner = keras.Model(base.input, base.get_layer("inner").output)
    features = inner.predict(prepared.fit.x, verbose=0)
    probe = np.zeros(features.shape[1])
    probe[features.max(axis=0).argmax()] = 1.0
    net = submitted(evasions.nan_trap(base, "inner", probe, float((features @ probe).max()) * 1.5))
    # When it is scanned for a clean label, then that has a norm and an outcome, or was tried again
    found = inverted(net, images, 0)
    assert found.state == "done"
    assert found.evidence is not None
    assert (found.evidence.unseen is None) == (found.evidence.tried == ())


def test_the_nan_trap_among_the_cases(shared: Path) -> None:
    case = shared / "cases"
    preparation = prepare_scan(case / "evasions" / "nan-trap.keras", case / "data" / "signs_clean.npz", profile=FAST)
    ((found,),) = preparation.inverter(preparation.data(), "fast", slots=1).invert([6], seed=0).values()
    assert found.norm is not None
    assert found.norm < 0.015 * 1024
    assert found.attack_success_rate is not None
    assert found.attack_success_rate >= 0.9
    assert found.evidence is not None
    assert "no number" in str(found.evidence.unseen)
