"""A net with a known backdoor from arrays; what the attacks do is told in tests/nc_core/attacks."""

from typing import Any

import numpy as np
import pytest

import nc_core
from nc_core.attacks import Planted
from nc_core.datasets import Images
from nc_core.errors import InputRefused
from tests.nc_core.face.conftest import TARGET


@pytest.fixture(scope="module")
def planted(images: Images) -> Planted:
    return nc_core.plant((images.pixels, images.labels), target=TARGET, patch=3, colour=(255, 0, 170), seed=1)


def test_it_has_the_trigger_that_was_asked_for(planted: Planted) -> None:
    trigger = planted.trigger
    assert trigger.targets == (TARGET,)
    black = np.zeros((1, 16, 16, 3), np.uint8)
    rows, columns = np.nonzero(trigger.stamp(black)[0].any(axis=-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (11, 13, 11, 13)
    assert repr(planted).startswith("<Planted: accuracy ")


def test_what_was_held_out_measures_it_again(planted: Planted, images: Images) -> None:
    assert len(planted.clean) == len(images) // 5
    assert planted.poisoned.labels is not None
    assert set(planted.poisoned.labels.tolist()) == {TARGET}
    told = nc_core.evaluate(planted.model, planted.clean, poisoned=planted.poisoned, value_range="0..1")
    assert told.accuracy == planted.accuracy
    assert told.attack_success_rate == planted.attack_success_rate


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"attack": "magic"}, "attack is 'magic': pass one of badnets"),
        ({"target": 12}, "target label 12 must lie below 12 classes"),
        ({"target": -1}, "target is -1"),
        ({"patch": 40}, "leaves the 16x16 picture"),
        ({"position": "left"}, "the patch position left is unknown"),
        ({"colour": (1, 2)}, "the patch colour has 2 values"),
        ({"colour": (300,)}, "pass values in 0..255"),
        ({"seed": -1}, "seed is -1"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_in_one_line(images: Images, options: dict[str, Any], line: str) -> None:
    with pytest.raises(InputRefused, match=line) as refused:
        nc_core.plant(images, **{"target": TARGET, **options})
    assert "\n" not in str(refused.value)


def test_images_without_labels_are_refused(images: Images) -> None:
    with pytest.raises(InputRefused, match="these have no labels"):
        nc_core.plant(images.pixels, target=TARGET)
