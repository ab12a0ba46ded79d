"""A trigger of few images, grown to most: the planted one stays small where it works on a part of them."""

from typing import Any

import keras
import pytest

from nc_core.attacks import Planted
from nc_core.datasets.prepared import Prepared
from nc_core.errors import Cancelled
from nc_core.inversion import FAST, Inverter
from nc_core.inversion.partial import partial_triggers
from nc_core.inversion.transfer import transferabilities
from nc_core.inversion.trigger import Partial, Trigger
from nc_core.models import build_logits, canonical_of
from tests.nc_core.inversion.small_badnets import CLEAN, TARGET, clean_of, prepared_for, with_patch


@pytest.fixture(scope="module")
def planted() -> Planted:
    return with_patch()


@pytest.fixture(scope="module")
def net(planted: Planted) -> keras.Model:
    return build_logits(canonical_of(planted.model))


@pytest.fixture(scope="module")
def data(planted: Planted, net: keras.Model) -> Prepared:
    return prepared_for(net, clean_of(planted))


@pytest.fixture(scope="module")
def few(net: keras.Model, data: Prepared) -> dict[int, Trigger]:
    found = transferabilities(Inverter(net, data, profile=FAST, slots=2).transfer, (TARGET, CLEAN), seed=0)
    return {label: one.best for label, one in found.items() if one is not None and one.best is not None}


def grown(inverter: Inverter, few: dict[int, Trigger], **more: Any) -> dict[int, Partial]:
    return partial_triggers(inverter.partials, few, seed=0, **more)


def test_a_planted_trigger_hardly_grows_and_a_clean_labels_does(
    net: keras.Model, data: Prepared, few: dict[int, Trigger]
) -> None:
    found = grown(Inverter(net, data, profile=FAST, slots=2), few)
    planted, clean = found[TARGET], found[CLEAN]
    assert planted.norm is not None
    assert planted.rate >= 0.6
    assert planted.norm < 2 * few[TARGET].norm
    assert clean.norm is None or clean.norm > 3 * planted.norm


def test_neither_slots_nor_neighbours_change_it(net: keras.Model, data: Prepared, few: dict[int, Trigger]) -> None:
    one, many = (Inverter(net, data, profile=FAST, slots=slots) for slots in (1, 4))
    own = {CLEAN: few[CLEAN]}
    alone = grown(many, own)[CLEAN]
    assert grown(many, few)[CLEAN] == alone
    # With other numbers of slots the last bits of a batch are others
    assert grown(one, own)[CLEAN].norm == pytest.approx(alone.norm, rel=1e-4)
    assert grown(many.with_slots(1), own) == grown(one, own)
    assert grown(one, own, again=True)[CLEAN].norm != pytest.approx(alone.norm, rel=1e-4)


def test_it_may_be_told_to_stop_and_used_again(net: keras.Model, data: Prepared, few: dict[int, Trigger]) -> None:
    inverter = Inverter(net, data, profile=FAST, slots=2)
    with pytest.raises(Cancelled, match="was cancelled"):
        grown(inverter, few, should_stop=lambda: True)
    assert set(grown(inverter, few)) == {TARGET, CLEAN}
