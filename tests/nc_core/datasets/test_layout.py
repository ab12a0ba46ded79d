"""Channels first or last, and sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nc_core.datasets.layout import Wanted, channel_axis, channels_last, resized
from nc_core.errors import DataRefused, OptionRefused


@given(st.integers(1, 4), st.integers(2, 9), st.integers(2, 9), st.sampled_from([1, 3, 4]), st.booleans())
def test_the_model_tells_the_layout(n: int, height: int, width: int, channels: int, first: bool) -> None:
    # Given pictures known pixel by pixel, stored in either layout
    pictures = np.arange(n * height * width * channels).reshape(n, height, width, channels)
    stored = np.stack([np.stack([p[..., c] for c in range(channels)]) for p in pictures]) if first else pictures
    wanted = Wanted((height, width, channels))
    # When they are brought to channels last
    out = channels_last(stored, channel_axis(stored.shape, wanted))
    # Then they are the same pictures, but where both layouts have the same shape, when last is taken
    if not (first and stored.shape == pictures.shape):
        assert np.array_equal(out, pictures)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((9, 5, 7, 3), 3), ((9, 3, 5, 7), 1), ((9, 5, 7, 1), 3), ((9, 1, 5, 7), 1), ((9, 5, 7), None)],
)
def test_without_a_model_the_channels_are_the_axis_of_1_or_3(shape: tuple[int, ...], axis: int | None) -> None:
    assert channel_axis(shape, Wanted()) == axis


@pytest.mark.parametrize(
    ("shape", "wanted", "message"),
    [
        ((9, 3, 5, 3), Wanted(), "both could be"),
        ((9, 5, 5, 5), Wanted(), "neither is"),
        ((9, 784), Wanted(), "expected N x H x W x C"),
        ((9, 28, 28, 1), Wanted((28, 28, 3)), "the model takes 28x28x3"),
    ],
)
def test_unclear_layouts_are_refused(shape: tuple[int, ...], wanted: Wanted, message: str) -> None:
    with pytest.raises(DataRefused, match=message):
        channel_axis(shape, wanted)


def test_the_model_settles_what_is_ambiguous_without_it() -> None:
    assert channel_axis((9, 3, 5, 3), Wanted((5, 3, 3))) == 1


@pytest.mark.parametrize("resize", ["nearest", "bilinear"])
def test_resizing_is_pillows_for_bytes_and_floats(resize: str) -> None:
    # Given random pictures and Pillow's own answer for whole RGB pictures
    pixels = np.random.default_rng(0).integers(0, 256, (3, 9, 7, 3), np.uint8)
    method = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR}[resize]
    expected = np.stack([np.asarray(Image.fromarray(p).resize((5, 4), method)) for p in pixels])
    # When bytes and floats are resized to 4 rows and 5 columns
    wanted = Wanted((4, 5, 3), resize)
    # Then bytes agree exactly, floats to a rounding
    assert np.array_equal(resized(pixels, wanted), expected)
    floats = resized(pixels.astype(np.float32), wanted)
    assert floats.dtype == np.float32
    assert np.abs(floats - expected).max() <= 1.0


def test_pictures_that_fit_are_not_touched() -> None:
    pixels = np.zeros((2, 4, 5, 3), np.uint8)
    assert resized(pixels, Wanted((4, 5, 3), "nearest")) is pixels


def test_a_bad_resize_is_a_bad_option() -> None:
    with pytest.raises(OptionRefused, match="--resize needs a model"):
        Wanted(None, "nearest").check()
    with pytest.raises(OptionRefused, match="--resize cubic is unknown"):
        Wanted((4, 5, 3), "cubic").check()  # type: ignore[arg-type]
