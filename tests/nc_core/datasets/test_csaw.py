"""CSAW files: the real ones, and everything an HDF5 file can do wrong."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from nc_core.datasets import read_images
from nc_core.errors import DataRefused

FACE = (55, 47, 3)


def write(path: Path, **arrays: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_real_labelled_faces_are_transposed_pixel_by_pixel(shared: Path) -> None:
    # Given the channels-first file of floats, read plainly
    path = shared / "data/faces_youtube_clean_100.h5"
    with h5py.File(path) as file:
        data, label = file["data"][()], file["label"][()]
    # When it is read for the face net
    images = read_images(path, input_shape=FACE)
    # Then every pixel lies where indexing says, and nothing was rounded away
    assert images.pixels.shape == (100, *FACE)
    assert images.pixels.dtype == np.uint8
    for n, row, column, channel in [(0, 0, 0, 0), (7, 54, 1, 2), (99, 20, 46, 1), (50, 3, 33, 0)]:
        assert images.pixels[n, row, column, channel] == data[n, channel, row, column]
    assert np.array_equal(images.pixels[:, :, :, 2], data[:, 2])
    assert not np.array_equal(images.pixels, data.reshape(100, *FACE))
    assert images.labels is not None
    assert images.labels.tolist() == [int(value) for value in label]
    assert "channels first" in images.note


def test_real_unlabelled_faces(shared: Path) -> None:
    images = read_images(shared / "data/lfw_faces_55x47_unlabelled.h5", input_shape=FACE)
    assert images.pixels.shape == (2600, *FACE)
    assert images.labels is None


def test_real_poison_of_one_class_is_refused_as_clean_data_and_read_as_poison(shared: Path) -> None:
    path = shared / "data/faces_youtube_sunglasses_poisoned_100.h5"
    with pytest.raises(DataRefused, match="all 100 labels are 0"):
        read_images(path, input_shape=FACE)
    poison = read_images(path, input_shape=FACE, poisoned=True)
    assert set(poison.labels.tolist()) == {0}
    # And leaving the labels aside makes it readable as unlabelled data
    assert read_images(path, input_shape=FACE, labelled=False).labels is None


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    path = write(tmp_path / "0f3a", data=noise(40, 3, 8, 6), label=np.arange(40) % 4)
    assert read_images(path).shape == (8, 6, 3)


def test_no_data_set_of_that_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", x=noise(40, 3, 8, 6))
    with pytest.raises(DataRefused, match="holds `x`; expected `data`"):
        read_images(path)


def test_truncated_and_empty_files(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.h5", data=noise(40, 3, 8, 6)).read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.h5").touch()
    with pytest.raises(DataRefused, match="cut short"):
        read_images(tmp_path / "cut.h5")
    with pytest.raises(DataRefused, match="empty"):
        read_images(tmp_path / "empty.h5")


def test_arrays_that_live_in_other_files_are_refused(tmp_path: Path) -> None:
    # Given files whose `data` HDF5 would fetch from elsewhere
    other = write(tmp_path / "other.h5", data=noise(40, 3, 8, 6))
    raw = tmp_path / "raw.bin"
    raw.write_bytes(noise(40, 3, 8, 6).tobytes())
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["data"] = h5py.ExternalLink(str(other), "data")
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("data", (40, 3, 8, 6), np.uint8, external=[(str(raw), 0, raw.stat().st_size)])
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout((40, 3, 8, 6), np.uint8)
        layout[:] = h5py.VirtualSource(str(other), "data", (40, 3, 8, 6))
        file.create_virtual_dataset("data", layout)
    with h5py.File(tmp_path / "group.h5", "w") as file:
        file.create_group("data")
    # Then none is opened
    for name in ("link", "external", "virtual", "group"):
        with pytest.raises(DataRefused, match="no plain array"):
            read_images(tmp_path / f"{name}.h5")


def test_a_huge_declared_shape_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("data", (10_000_000, 3, 55, 47), np.float32, chunks=(1, 3, 55, 47))
    with pytest.raises(DataRefused, match=r"288\.9 GiB, the limit is 20 GiB"):
        read_images(tmp_path / "huge.h5")


def test_one_chunk_for_the_whole_file_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a compressed file of one chunk, larger than a block
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", data=noise(40, 3, 8, 6), chunks=(40, 3, 8, 6), compression="gzip")
    monkeypatch.setattr("nc_core.datasets.csaw.BLOCK_VALUES", 1000)
    assert np.array_equal(read_images(tmp_path / "a.h5").pixels, noise(40, 3, 8, 6).transpose(0, 2, 3, 1))
