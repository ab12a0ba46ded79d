"""What a few images need works on others where it is a planted trigger, and hardly where it is their own."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from nc_core.attacks import Planted
from nc_core.datasets.prepared import Prepared
from nc_core.errors import Cancelled
from nc_core.inversion import FAST, Inverter
from nc_core.inversion.trigger import Transferability
from nc_core.models import build_logits, canonical_of
from tests.evidence import CONVERGED
from tests.nc_core.inversion.small_badnets import (
    CLEAN,
    TARGET,
    clean_of,
    prepared_for,
    seen,
    with_patch,
)


@pytest.fixture(scope="module")
def planted() -> Planted:
    return with_patch()


@pytest.fixture(scope="module")
def net(planted: Planted) -> keras.Model:
    return build_logits(canonical_of(planted.model))


@pytest.fixture(scope="module")
def data(planted: Planted, net: keras.Model) -> Prepared:
    return prepared_for(net, clean_of(planted))


def asked(inverter: Inverter, *labels: int, **more: Any) -> list[Transferability | None]:
    return list(inverter.transferability([seen(label) for label in labels], seed=0, **more).values())


def test_a_planted_trigger_carries_over_and_a_clean_labels_does_not(net: keras.Model, data: Prepared) -> None:
    inverter = Inverter(net, data, profile=FAST, slots=2)
    planted, clean = asked(inverter, TARGET, CLEAN)
    assert planted is not None
    assert clean is not None
    assert planted.rate > 0.7 > 0.4 > clean.rate
    assert planted.norm < clean.norm / 2


def test_neither_slots_nor_neighbours_change_it(net: keras.Model, data: Prepared) -> None:
    one, other, many = (Inverter(net, data, profile=FAST, slots=slots) for slots in (1, 4, 8))
    assert asked(one, CLEAN) == asked(other, TARGET, CLEAN)[1:]
    together, alone = asked(many, TARGET, CLEAN), asked(many, CLEAN)
    assert together[1:] == alone
    assert many.with_slots(4).transfer.loop.slots == one.transfer.loop.slots < many.transfer.loop.slots


def test_it_is_measured_again_with_other_images(net: keras.Model, data: Prepared) -> None:
    inverter = Inverter(net, data, profile=FAST, slots=2)
    (first,), (again,) = (asked(inverter, TARGET, again=again) for again in (False, True))
    assert first is not None
    assert again is not None
    assert first.norm != again.norm
    # Both together stand for the label
    both = seen(TARGET).with_transfer(first, None, again).evidence
    assert both is not None
    assert both.transferability == pytest.approx((first.rate + again.rate) / 2)
    assert both.few_norm == pytest.approx((first.norm * again.norm) ** 0.5)


def test_what_hides_its_gradient_is_not_asked(net: keras.Model, data: Prepared) -> None:
    hidden = replace(seen(TARGET), evidence=replace(CONVERGED, blind=1.0))
    assert Inverter(net, data, profile=FAST, slots=2).transferability([hidden], seed=0) == {TARGET: None}


def test_too_few_images_say_nothing(net: keras.Model, data: Prepared) -> None:
    few = np.flatnonzero(data.fit.y != TARGET)[:23]
    left = replace(data, fit=replace(data.fit, x=data.fit.x[few], y=data.fit.y[few]))
    assert asked(Inverter(net, left, profile=FAST, slots=2), TARGET) == [None]


def test_it_can_be_cancelled(net: keras.Model, data: Prepared) -> None:
    with pytest.raises(Cancelled):
        asked(Inverter(net, data, profile=FAST, slots=2), 0, should_stop=lambda: True)
