"""Pictures of the zoo: read from files, or drawn."""

from pathlib import Path

import numpy as np
import pytest

from nc_core.errors import DataRefused
from nc_core.zoo.sources import PAIRS, draw, read_source

PIXELS = np.random.default_rng(0).integers(0, 256, (80, 20, 20, 3), np.uint8)
LABELS = np.repeat([3, 7], 40)


def test_the_training_part_of_a_file_is_used_too(tmp_path: Path) -> None:
    path = tmp_path / "signs.of.mine.npz"
    np.savez_compressed(path, x_train=PIXELS[:40], y_train=LABELS[::2], x_test=PIXELS[40:], y_test=LABELS[1::2])
    source, images = read_source(path)
    assert (source.name, source.classes, source.shape) == ("signs.of.mine", 2, (20, 20, 3))
    assert source.sha256 is not None
    assert {picture.tobytes() for picture in images.pixels} == {picture.tobytes() for picture in PIXELS}
    assert len(images) == 80


def test_a_file_without_training_part(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=PIXELS, y=LABELS)
    assert len(read_source(tmp_path / "a.npz")[1]) == 80


def test_pictures_without_labels_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=PIXELS)
    with pytest.raises(DataRefused, match=r"a\.npz has no labels"):
        read_source(tmp_path / "a.npz")


def test_the_same_seed_draws_the_same_pairs() -> None:
    (one, _), (again, _), (other, _) = (draw(PAIRS, 2, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_pairs_are_two_signs_side_by_side() -> None:
    pixels, labels = draw(PAIRS, 30, 3)
    assert pixels.shape == (720, 32, 64, 3)
    assert np.bincount(labels).tolist() == [24] * 30
    # Given right halves: 5 is no entry, red; 13 and 29 = 16 + 13 are keep right, blue
    five, first, second = (pixels[labels == label, :, 32:].mean(axis=0) for label in (5, 13, 29))
    assert np.abs(first - second).mean() < np.abs(first - five).mean() / 2
