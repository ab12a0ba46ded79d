"""Pictures of triggers, decoded again and held against their definition."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nc_core.datasets import Images
from nc_core.results.report.pictures import data_uri, example_outside, trigger_pictures
from nc_core.results.triggers import TriggerArrays


def decoded(uri: str | None) -> np.ndarray[Any, Any]:
    assert uri is not None
    head, body = uri.split(",")
    assert head == "data:image/png;base64"
    return np.array(Image.open(io.BytesIO(base64.b64decode(body))))


def preflight(scale: float, offset: float) -> dict[str, Any]:
    return {"value_range": "x", "scale": [scale] * 3, "offset": [offset] * 3}


def one_trigger(pattern: float) -> TriggerArrays:
    mask = np.zeros((1, 32, 32), np.float32)
    mask[0, 4, 7] = 0.5
    full = np.full((1, 32, 32, 3), pattern, np.float32)
    return TriggerArrays(labels=np.array([6], np.int32), mask=mask, pattern=full)


def test_one_input_pixel_becomes_one_sharp_square() -> None:
    pixels = np.zeros((32, 32, 1), np.float32)
    pixels[4, 7] = 200
    shown = decoded(data_uri(pixels))
    assert shown.shape == (128, 128)
    assert (shown[16:20, 28:32] == 200).all()
    assert shown.sum() == 16 * 200


def test_large_pictures_keep_their_size_and_odd_channel_counts_are_grey() -> None:
    assert decoded(data_uri(np.zeros((224, 200, 3)))).shape == (224, 200, 3)
    assert decoded(data_uri(np.stack([np.full((64, 64), v) for v in (10, 30)], -1))).max() == 20


def test_the_stamped_picture_blends_in_pixels_whatever_the_model_s_domain() -> None:
    # Given a white trigger of half strength in a model that wants -1..1, and a black clean picture
    examples = Images(pixels=np.zeros((1, 32, 32, 3), np.uint8), labels=np.array([1], np.int32))
    pictures = trigger_pictures(6, one_trigger(1.0), examples, preflight(2 / 255, -1.0))
    # then half of 255 shows, at the trigger's place alone
    assert pictures is not None
    stamped = decoded(pictures.stamped)
    assert stamped[16:20, 28:32] == pytest.approx(127.5, abs=0.6)
    stamped[16:20, 28:32] = 0
    assert (stamped == 0).all()
    assert (decoded(pictures.mask)[16:20, 28:32] == 128).all()
    assert (decoded(pictures.clean) == 0).all()


def test_a_label_without_trigger_has_no_pictures() -> None:
    assert trigger_pictures(5, one_trigger(1.0), None, preflight(1.0, 0.0)) is None


def test_without_clean_pictures_mask_and_pattern_still_show() -> None:
    pictures = trigger_pictures(6, one_trigger(255.0), None, preflight(1.0, 0.0))
    assert pictures is not None
    assert pictures.stamped is None
    assert decoded(pictures.pattern).max() == 128


def test_the_example_is_of_another_class_than_the_target() -> None:
    pixels = np.stack([np.full((4, 4, 1), value, np.uint8) for value in (10, 20)])
    examples = Images(pixels=pixels, labels=np.array([6, 2], np.int32))
    found = example_outside(6, examples)
    assert found is not None
    assert found[0, 0, 0] == 20
    only_target = Images(pixels=pixels[:1], labels=np.array([6], np.int32))
    assert example_outside(6, only_target) is None
