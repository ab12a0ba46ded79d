"""The smallest perturbation that sends all images to a label is small where a trigger is spread over the image."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from nc_core.attacks import ATTACKS, Planted
from nc_core.datasets.prepared import Prepared
from nc_core.errors import Cancelled
from nc_core.inversion import FAST, Inverter
from nc_core.inversion.trigger import Perturbation
from nc_core.inversion.universal import SCALES, scale_at
from nc_core.models import build_logits, canonical_of
from nc_core.profiles import PERTURBATION_BATCH, PERTURBATION_UPDATES
from tests.evidence import CONVERGED
from tests.nc_core.inversion.small_badnets import CLASSES, CLEAN, TARGET, TRIGGER, clean_of, prepared_for, seen, signs


@pytest.fixture(scope="module")
def planted() -> Planted:
    made = ATTACKS["blended-picture"](*signs(), TRIGGER, classes=CLASSES, epochs=20, seed=1)
    assert made.attack_success_rate > 0.7
    return made


@pytest.fixture(scope="module")
def net(planted: Planted) -> keras.Model:
    return build_logits(canonical_of(planted.model))


@pytest.fixture(scope="module")
def data(planted: Planted, net: keras.Model) -> Prepared:
    return prepared_for(net, clean_of(planted))


def asked(inverter: Inverter, *labels: int, **more: Any) -> list[Perturbation | None]:
    return list(inverter.perturbations([seen(label) for label in labels], seed=0, **more).values())


def test_that_of_a_blended_trigger_is_smaller_than_all_others(net: keras.Model, data: Prepared) -> None:
    inverter = Inverter(net, data, profile=FAST, slots=8)
    found = asked(inverter, *range(CLASSES))
    norms = [one.norm if one and one.norm else float("inf") for one in found]
    assert int(np.argmin(norms)) == TARGET
    assert norms[TARGET] < 0.7 * np.median(norms)
    # Measured on images that it was not made of, at one rate
    (planted,) = asked(inverter, TARGET)
    assert planted is not None
    assert (planted.rate, planted.gradient_images) == (0.9, PERTURBATION_UPDATES * PERTURBATION_BATCH)
    # What is kept to be looked at is that very perturbation
    assert planted.delta is not None
    assert inverter.universal.loop.program.norm(planted.delta) == pytest.approx(planted.norm)
    x, y = data.holdout.x, data.holdout.y
    answers = net.predict(np.clip(x + planted.delta, x.min(), x.max()), verbose=0).argmax(axis=1)
    assert np.mean(answers[y != TARGET] == TARGET) > 0.7


def test_neither_slots_nor_neighbours_change_it(net: keras.Model, data: Prepared) -> None:
    few, many = (Inverter(net, data, profile=FAST, slots=slots) for slots in (4, 8))
    assert asked(few, CLEAN)[0] == asked(many, TARGET, CLEAN)[1] == asked(many.with_slots(4), CLEAN)[0]
    assert (few.universal.loop.slots, many.universal.loop.slots) == (2, 4)


def test_it_is_measured_again_with_other_images(net: keras.Model, data: Prepared) -> None:
    inverter = Inverter(net, data, profile=FAST, slots=4)
    (first,), (again,) = (asked(inverter, TARGET, again=again) for again in (False, True))
    assert first is not None
    assert again is not None
    assert first.norm is not None
    assert again.norm is not None
    assert first.norm != again.norm
    # Both together stand for the label
    both = seen(TARGET).with_perturbation(first, None, again)
    assert both.evidence is not None
    assert both.evidence.perturbation_norm == pytest.approx((first.norm * again.norm) ** 0.5)
    assert both.perturbation == Perturbation(norm=both.evidence.perturbation_norm, rate=0.9, gradient_images=0)
    # And one without a norm leaves none
    none = seen(TARGET).with_perturbation(first, Perturbation(norm=None, rate=0.4, gradient_images=192)).evidence
    assert none is not None
    assert (none.perturbation_norm, none.perturbation_rate) == (None, pytest.approx(0.65))


def test_what_hides_its_gradient_is_not_asked(net: keras.Model, data: Prepared) -> None:
    hidden = replace(seen(TARGET), evidence=replace(CONVERGED, blind=1.0))
    assert Inverter(net, data, profile=FAST, slots=2).perturbations([hidden], seed=0) == {TARGET: None}


def test_too_few_images_say_nothing(net: keras.Model, data: Prepared) -> None:
    few = np.flatnonzero(data.fit.y != TARGET)[:23]
    left = replace(data, fit=replace(data.fit, x=data.fit.x[few], y=data.fit.y[few]))
    assert asked(Inverter(net, left, profile=FAST, slots=2), TARGET) == [None]


def test_it_can_be_cancelled(net: keras.Model, data: Prepared) -> None:
    inverter = Inverter(net, data, profile=FAST, slots=2)
    with pytest.raises(Cancelled, match="label 0 was cancelled"):
        asked(inverter, 0, should_stop=lambda: True)
    assert inverter.universal.loop.free == 1


def test_norms_are_those_at_one_rate() -> None:
    # Halfway up from the second scale to the third
    rates = [0.3, 0.8, 1.0, *[1.0] * (len(SCALES) - 3)]
    halfway = scale_at(0.9, rates)
    assert halfway == pytest.approx((SCALES[1] * SCALES[2]) ** 0.5)
    assert scale_at(0.9, [0.95, *rates[1:]]) == SCALES[0]
    assert scale_at(0.9, [0.5] * len(SCALES)) is None
