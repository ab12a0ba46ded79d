"""Ranges of pixels and forms of labels."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nc_core.datasets.labels import to_labels
from nc_core.datasets.pixels import to_pixels
from nc_core.errors import DataRefused

PIXELS = np.random.default_rng(1).integers(0, 256, (600, 5, 4, 3), np.uint8)
PIXELS.flat[:2] = 0, 255


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nc_core.datasets.pixels.BLOCK_VALUES", 100 * 5 * 4 * 3)


STORED = {
    "uint8": PIXELS,
    "int64": PIXELS.astype(np.int64),
    "float32 0..255": PIXELS.astype(np.float32),
    "float64 0..1": PIXELS / 255,
    "float32 0..1": (PIXELS / 255).astype(np.float32),
    "float32 -1..1": (PIXELS / 127.5 - 1).astype(np.float32),
}


@pytest.mark.parametrize("form", STORED)
def test_every_usual_form_gives_the_same_pixels(form: str) -> None:
    pixels, _ = to_pixels(STORED[form])
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, PIXELS)


def test_pixels_between_whole_numbers_stay_floats() -> None:
    # Given one fraction in the last block
    stored = PIXELS.astype(np.float32)
    stored[-1, -1, -1, -1] = 100.5
    pixels, found = to_pixels(stored)
    assert pixels.dtype == np.float32
    assert np.array_equal(pixels, stored)
    assert found == "0..255"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrays.arrays(np.float32, (3, 2, 2, 1), elements=st.floats(0, 1, width=32)))
def test_floats_of_0_to_1_are_scaled(stored: np.ndarray) -> None:
    pixels, _ = to_pixels(stored)
    assert np.abs(pixels - stored.astype(np.float64) * 255).max() <= 1e-3
    assert pixels.min() >= 0
    assert pixels.max() <= 255


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.array([[-2.1, 2.5]]), r"run from -2\.1 to 2\.5; expected 0\.\.255, 0\.\.1 or -1\.\.1"),
        (np.array([[0.0, 256.0]]), "run from 0 to 256"),
        (np.array([[-0.5, 200.0]]), "run from -0.5 to 200"),
        (np.array([[0.0, np.nan]]), "NaN or infinite"),
        (np.array([[0.0, np.inf]]), "NaN or infinite"),
        (np.array([[0, 65535]], np.uint16), "integer pixels run from 0 to 65535; expected 0..255"),
        (np.array([[-1, 5]]), "integer pixels run from -1 to 5"),
        (np.array([["a"]]), "have type <U1"),
        (np.array([[1j]]), "have type complex128"),
        (np.array([[True]]), "have type bool"),
    ],
)
def test_other_ranges_are_refused_with_what_was_found(stored: np.ndarray, message: str) -> None:
    with pytest.raises(DataRefused, match=message):
        to_pixels(stored)


@pytest.mark.parametrize(
    "raw",
    [
        np.array([2, 0, 1]),
        np.array([2.0, 0.0, 1.0]),
        np.array([[2], [0], [1]], np.uint8),
        np.eye(3)[[2, 0, 1]],
        np.eye(3, dtype=np.uint8)[[2, 0, 1]],
    ],
)
def test_every_form_of_labels(raw: np.ndarray) -> None:
    labels = to_labels(raw, 3)
    assert labels.dtype == np.int32
    assert labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (np.array([0, 1.5, 2]), "label 1.5 of image 1"),
        (np.array([0, -1, 2]), "label -1 of image 1"),
        (np.array([0, np.nan, 2]), "label nan of image 1"),
        (np.array([0, 2.0**40, 2]), "of image 1 is no class number"),
        (np.array([0, 1]), "2 labels for 3 images"),
        (np.array(["a", "b", "c"]), "labels have type <U1"),
        (np.full((3, 2), 0.5), "not one-hot"),
        (np.ones((3, 2)), "not one-hot"),
        (np.zeros((3, 2, 2)), "labels have shape"),
    ],
)
def test_what_is_no_label_is_refused(raw: np.ndarray, message: str) -> None:
    with pytest.raises(DataRefused, match=message):
        to_labels(raw, 3)
