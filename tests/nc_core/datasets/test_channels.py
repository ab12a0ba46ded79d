"""Colour pictures for a grey net and grey ones for a colour net: alike in every kind of file, and only where asked."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from nc_core.datasets import pack_folder
from nc_core.errors import DataRefused, OptionRefused
from nc_core.quarantine.admit import admit_images

Pixels = npt.NDArray[np.uint8]
Write = Callable[[Path, Pixels], Path]

HEIGHT, WIDTH = 5, 7
LABELS = np.arange(32) % 2


def pixels(channels: int) -> Pixels:
    return np.random.default_rng(channels).integers(0, 256, (32, HEIGHT, WIDTH, channels), np.uint8)


def folder(root: Path, images: Pixels) -> Path:
    for number, (image, label) in enumerate(zip(images, LABELS, strict=True)):
        (root / "set" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.squeeze()).save(root / "set" / str(label) / f"{number:02}.png")
    return root / "set"


def packed(root: Path, images: Pixels) -> Path:
    pack_folder(folder(root, images), root / "set.zip")
    return root / "set.zip"


def npz(root: Path, images: Pixels) -> Path:
    np.savez(root / "set.npz", x=images.squeeze(), y=LABELS)
    return root / "set.npz"


def floats(root: Path, images: Pixels) -> Path:
    np.savez(root / "set.npz", x=images / 255, y=LABELS)
    return root / "set.npz"


def csaw(root: Path, images: Pixels) -> Path:
    with h5py.File(root / "set.h5", "w") as file:
        file["data"], file["label"] = images.transpose(0, 3, 1, 2), LABELS
    return root / "set.h5"


KINDS = [folder, packed, npz, floats, csaw]


def by_label(path: Path, images: Pixels) -> Pixels:
    """Folders are read class by class."""
    return images[np.argsort(LABELS, kind="stable")] if path.suffix in ("", ".zip") else images


@pytest.mark.parametrize("write", KINDS)
def test_colour_becomes_grey_as_in_pillow(write: Write, tmp_path: Path) -> None:
    path = write(tmp_path, pixels(3))
    found = admit_images(path, input_shape=(HEIGHT, WIDTH, 1), channels="grey")
    expected = [np.asarray(Image.fromarray(image).convert("L")) for image in by_label(path, pixels(3))]
    assert np.array_equal(found.pixels[..., 0], expected)
    assert "as grey" in found.note


@pytest.mark.parametrize("write", KINDS)
def test_grey_becomes_colour_by_repetition(write: Write, tmp_path: Path) -> None:
    path = write(tmp_path, pixels(1))
    found = admit_images(path, input_shape=(HEIGHT, WIDTH, 3), channels="rgb")
    assert np.array_equal(found.pixels, np.repeat(by_label(path, pixels(1)), 3, axis=3))
    assert "as rgb" in found.note


@pytest.mark.parametrize("write", KINDS)
@pytest.mark.parametrize(("has", "takes", "option"), [(3, 1, "grey"), (1, 3, "rgb")])
def test_what_does_not_match_is_refused_with_the_option(
    write: Write, has: int, takes: int, option: str, tmp_path: Path
) -> None:
    path = write(tmp_path, pixels(has))
    with pytest.raises(DataRefused, match=rf"the model takes {HEIGHT}x{WIDTH}x{takes}: .*--channels {option}") as said:
        admit_images(path, input_shape=(HEIGHT, WIDTH, takes))
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("write", KINDS)
@pytest.mark.parametrize(("count", "option"), [(1, "grey"), (3, "rgb")])
def test_what_matches_is_left_as_it_is(write: Write, count: int, option: str, tmp_path: Path) -> None:
    path = write(tmp_path, pixels(count))
    found = admit_images(path, input_shape=(HEIGHT, WIDTH, count), channels=option)  # type: ignore[arg-type]
    plain = admit_images(path, input_shape=(HEIGHT, WIDTH, count))
    assert np.array_equal(found.pixels, plain.pixels)
    assert found.note == plain.note


@pytest.mark.parametrize("write", KINDS)
def test_channels_and_size_go_together(write: Write, tmp_path: Path) -> None:
    found = admit_images(write(tmp_path, pixels(3)), input_shape=(10, 14, 1), channels="grey", resize="nearest")
    assert found.shape == (10, 14, 1)


def test_a_few_grey_pictures_among_colour_ones_are_read_and_said(tmp_path: Path) -> None:
    root = folder(tmp_path, pixels(3))
    Image.fromarray(pixels(1)[0].squeeze()).save(root / "1" / "grey.png")
    found = admit_images(root, input_shape=(HEIGHT, WIDTH, 3))
    assert len(found) == 33
    assert "1 in grey taken as rgb" in found.note


def test_floats_between_whole_pixels_stay_floats(tmp_path: Path) -> None:
    images = pixels(3) * 0.999 / 255
    np.savez(tmp_path / "set.npz", x=images, y=LABELS)
    found = admit_images(tmp_path / "set.npz", input_shape=(HEIGHT, WIDTH, 1), channels="grey")
    assert found.pixels.dtype == np.float32
    assert np.allclose(found.pixels[..., 0], images @ (0.299, 0.587, 0.114) * 255, atol=0.01)


@pytest.mark.parametrize(
    ("input_shape", "channels", "line"),
    [
        (
            (HEIGHT, WIDTH, 3),
            "grey",
            r"gives pictures of 1, the model takes 5x7x3: leave it out, or pass --channels rgb",
        ),
        (
            (HEIGHT, WIDTH, 1),
            "rgb",
            r"gives pictures of 3, the model takes 5x7x1: leave it out, or pass --channels grey",
        ),
        ((HEIGHT, WIDTH, 4), "rgb", r"the model takes 5x7x4: leave it out$"),
        ((HEIGHT, WIDTH, 3), "cmyk", r"--channels cmyk is unknown; pass grey or rgb"),
        (None, "grey", "needs a model"),
    ],
)
def test_an_option_that_cannot_serve_is_refused(
    input_shape: tuple[int, int, int] | None, channels: str, line: str, tmp_path: Path
) -> None:
    with pytest.raises(OptionRefused, match=line):
        admit_images(npz(tmp_path, pixels(3)), input_shape=input_shape, channels=channels)  # type: ignore[arg-type]
