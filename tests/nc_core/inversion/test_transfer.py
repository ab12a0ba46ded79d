"""What a few images need works on others where it is a planted trigger, and hardly where it is their own."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from nc_core.attacks import PatchTrigger, Planted, plant_patch
from nc_core.datasets import CleanData, Images, split_images
from nc_core.datasets.traffic_signs import draw_signs
from nc_core.detection import least_transfer
from nc_core.domain import Domain
from nc_core.errors import Cancelled
from nc_core.inversion import FAST, Inverter, Predictor
from nc_core.models import build_logits, canonical_of
from nc_core.prepared import Prepared, prepare

CLASSES, TARGET, CLEAN = 10, 2, 0
TRIGGER = PatchTrigger.at("bottom-right", input_shape=(32, 32, 3), size=4, colour=(255, 0, 170), target=TARGET)
DOMAIN = Domain(value_range="0..1", scale=(1 / 255,) * 3, offset=(0.0,) * 3)


@pytest.fixture(scope="module")
def planted() -> Planted:
    pixels, labels = draw_signs(80, 5)
    kept = labels < CLASSES
    return plant_patch(pixels[kept], labels[kept], TRIGGER, classes=CLASSES, poison_rate=0.25, epochs=9, seed=1)


@pytest.fixture(scope="module")
def net(planted: Planted) -> keras.Model:
    return build_logits(canonical_of(planted.model))


@pytest.fixture(scope="module")
def data(planted: Planted, net: keras.Model) -> Prepared:
    images = Images(pixels=planted.clean.pixels, labels=planted.clean.labels, note="")
    clean = CleanData(images=images, split=split_images(len(images), 0))
    return prepare(clean, DOMAIN, Predictor(net), classes=CLASSES, labelled=True)


def test_a_planted_trigger_carries_over_and_a_clean_labels_does_not(net: keras.Model, data: Prepared) -> None:
    inverter = Inverter(net, data, profile=FAST, slots=2)
    planted, clean = (inverter.transferability(label, seed=0) for label in (TARGET, CLEAN))
    assert planted is not None
    assert clean is not None
    assert planted.rate >= least_transfer(CLASSES) > clean.rate
    assert planted.norm < clean.norm


def test_neither_slots_nor_neighbours_change_it(net: keras.Model, data: Prepared) -> None:
    one, other = (Inverter(net, data, profile=FAST, slots=slots) for slots in (1, 4))
    other.transferability(TARGET, seed=0)
    assert one.transferability(CLEAN, seed=0) == other.transferability(CLEAN, seed=0)


def test_too_few_images_say_nothing(net: keras.Model, data: Prepared) -> None:
    few = np.flatnonzero(data.fit.y != TARGET)[:23]
    left = replace(data, fit=replace(data.fit, x=data.fit.x[few], y=data.fit.y[few]))
    assert Inverter(net, left, profile=FAST, slots=2).transferability(TARGET, seed=0) is None


def test_it_can_be_cancelled(net: keras.Model, data: Prepared) -> None:
    with pytest.raises(Cancelled):
        Inverter(net, data, profile=FAST, slots=2).transferability(0, seed=0, should_stop=lambda: True)
