"""A net's accuracy and attack rate are what Keras' own predictions say."""

from typing import Any

import keras
import numpy as np
import pytest

import nc_core
from nc_core.datasets import Images
from nc_core.errors import InputRefused
from nc_core.face.found import Found
from tests.nc_core.face.conftest import TARGET


def shares(net: keras.Model, pixels: np.ndarray, y: np.ndarray) -> float:
    """By Keras."""
    return float((net.predict(pixels / np.float32(255), verbose=0).argmax(axis=1) == y).mean())


def test_both_rates_are_those_of_keras(net: keras.Model, images: Images) -> None:
    # Given labels of which some are wrong, and pictures half of which bear the trigger
    assert images.labels is not None
    wrong = np.where(np.arange(len(images)) % 5 == 0, (images.labels + 1) % 12, images.labels)
    others = images.pixels[images.labels != TARGET].copy()
    others[::2, -2:, -2:] = 255
    target = np.full(len(others), TARGET)
    # When the net is evaluated
    told = nc_core.evaluate(net, (images.pixels, wrong), poisoned=(others, target), value_range="0..1")
    # Then both are what its answers say
    assert told.accuracy == shares(net, images.pixels, wrong) == pytest.approx(0.8)
    assert told.attack_success_rate == shares(net, others, target) == pytest.approx(0.5, abs=0.01)
    assert str(told).splitlines() == [
        "clean accuracy 80.0% (240 pictures, in 0..1)",
        f"attack success rate {told.attack_success_rate:.1%} ({len(others)} pictures)",
    ]


def test_a_scan_knows_the_range_of_its_net(found: Found, images: Images) -> None:
    assert nc_core.evaluate(found, images).value_range == "0..1"


def test_the_range_that_fits_best_is_found() -> None:
    # Given a net that is right where black is negative
    net = keras.Sequential([keras.layers.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    kernel = np.zeros((768, 2), np.float32)
    kernel[:, 1] = 1 / 768
    net.set_weights([kernel, np.zeros(2, np.float32)])
    # Which is whether a picture is bright or dark
    bright = np.arange(64) % 2
    pixels = (60 + 130 * bright[:, None, None, None] + np.zeros((64, 16, 16, 3))).astype(np.uint8)
    told = nc_core.evaluate(net, (pixels, bright))
    assert told.accuracy == 1.0
    assert told.value_range in ("-1..1", "standardize", "imagenet")


def test_without_labels_there_is_no_accuracy(net: keras.Model, images: Images) -> None:
    told = nc_core.evaluate(net, images.pixels, value_range="0..1")
    assert (told.accuracy, told.attack_success_rate) == (None, None)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"value_range": "0..2"}, "value_range is '0..2'"),
        ({"poisoned": np.zeros((2, 16, 16, 3))}, "the poisoned images have no labels"),
        ({"poisoned": (np.zeros((2, 16, 16, 3)), [0, 12])}, "the largest label is 12"),
        ({"poisoned": (np.zeros((2, 8, 16, 3)), [0, 1])}, "the images are 8x16x3, the model takes 16x16x3"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(
    net: keras.Model, images: Images, options: dict[str, Any], line: str
) -> None:
    with pytest.raises(InputRefused, match=line) as refused:
        nc_core.evaluate(net, images, **options)
    assert "\n" not in str(refused.value)
