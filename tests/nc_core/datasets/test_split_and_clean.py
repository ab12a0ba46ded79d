"""The split, and the file that keeps it together with its images."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nc_core.datasets import CleanData, Images, Split, split_images
from nc_core.errors import DataRefused


@given(st.integers(32, 30_000), st.integers(0, 2**32))
def test_parts_are_disjoint_sorted_and_of_the_promised_size(n: int, seed: int) -> None:
    split = split_images(n, seed)
    parts = (split.fit, split.holdout, split.repair)
    for part in parts:
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()
    together = np.concatenate(parts)
    assert len(set(together.tolist())) == len(together)
    assert together.min() >= 0
    assert together.max() < n
    shares = int(0.4 * n), int(0.2 * n)
    assert len(split.fit) == min(1000, shares[0])
    assert len(split.holdout) == min(1000, shares[1])
    assert len(split.repair) == min(4000, n - sum(shares))
    if n <= 2500:
        assert len(together) == n


def test_the_seed_decides() -> None:
    assert np.array_equal(split_images(500, 3).fit, split_images(500, 3).fit)
    assert not np.array_equal(split_images(500, 3).fit, split_images(500, 4).fit)


def example(dtype: type, labelled: bool) -> CleanData:
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0, 255, (50, 7, 5, 3)).astype(dtype)
    labels = np.arange(50, dtype=np.int32) % 4 if labelled else None
    return CleanData(images=Images(pixels=pixels, labels=labels, note="fünf"), split=split_images(50, 0))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("labelled", [True, False])
def test_what_is_saved_comes_back_mapped(tmp_path: Path, dtype: type, labelled: bool) -> None:
    data = example(dtype, labelled)
    digest = data.save(tmp_path / "a")
    back = CleanData.load(tmp_path / "a", digest)
    assert back.images.note == "fünf"
    assert back.images.pixels.dtype == dtype
    assert np.array_equal(back.images.pixels, data.images.pixels)
    if labelled:
        assert np.array_equal(back.images.labels, data.images.labels)
    else:
        assert back.images.labels is None
    for part in ("fit", "holdout", "repair"):
        assert np.array_equal(getattr(back.split, part), getattr(data.split, part))
    assert not back.images.pixels.flags.writeable
    assert not back.images.pixels.flags.owndata


def test_equal_data_gives_equal_bytes(tmp_path: Path) -> None:
    assert example(np.uint8, True).save(tmp_path / "a") == example(np.uint8, True).save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_views_are_saved_as_what_they_show(tmp_path: Path) -> None:
    pixels = np.arange(60 * 12, dtype=np.uint32).astype(np.uint8).reshape(60, 3, 2, 2).transpose(0, 2, 3, 1)
    index = np.arange(3, dtype=np.int64)
    data = CleanData(images=Images(pixels=pixels, labels=None), split=Split(fit=index, holdout=index, repair=index))
    data.save(tmp_path / "a")
    assert np.array_equal(CleanData.load(tmp_path / "a").images.pixels, pixels)


def test_another_digest_and_damaged_files_are_refused(tmp_path: Path) -> None:
    example(np.uint8, True).save(tmp_path / "a")
    with pytest.raises(DataRefused, match="does not have the digest"):
        CleanData.load(tmp_path / "a", "0" * 64)
    whole = (tmp_path / "a").read_bytes()
    for cut in (4, 100, len(whole) - 1):
        (tmp_path / "cut").write_bytes(whole[:cut])
        with pytest.raises(DataRefused, match="no clean data file"):
            CleanData.load(tmp_path / "cut")
