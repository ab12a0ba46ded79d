"""Keras .npz files: the real ones, pickles, lies in headers."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nc_core.datasets import check_labels, read_images
from nc_core.errors import DataRefused


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_real_gtsrb_takes_the_test_arrays(shared: Path) -> None:
    images = read_images(shared / "data/gtsrb_32.npz", input_shape=(32, 32, 3))
    with np.load(shared / "data/gtsrb_32.npz") as file:
        assert np.array_equal(images.pixels, file["x_test"])
        assert np.array_equal(images.labels, file["y_test"])
    check_labels(images, 43)
    with pytest.raises(DataRefused, match=r"largest label is 42, the model has 42 classes \(0\.\.41\)"):
        check_labels(images, 42)


def test_real_mnist_keeps_its_one_channel(shared: Path) -> None:
    assert read_images(shared / "data/mnist_t10k.npz", input_shape=(28, 28, 1)).shape == (28, 28, 1)


def test_another_size_names_both_shapes_and_the_way_out(shared: Path) -> None:
    with pytest.raises(DataRefused, match=r"32x32x3, the model takes 30x30x3; pass --resize nearest\|bilinear"):
        read_images(shared / "data/gtsrb_32.npz", input_shape=(30, 30, 3))


def test_x_and_y_serve_where_there_is_no_x_test(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=noise(40, 8, 6, 3), y=np.arange(40) % 3)
    images = read_images(tmp_path / "a.npz")
    assert images.labels.tolist() == [n % 3 for n in range(40)]


def test_without_y_the_images_are_unlabelled(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x_test=noise(40, 8, 6))
    images = read_images(tmp_path / "a.npz")
    assert (images.shape, images.labels) == ((8, 6, 1), None)


def test_training_arrays_alone_are_refused_with_what_was_found(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=noise(40, 8, 6, 3), y_train=np.zeros(40))
    with pytest.raises(DataRefused, match="holds x_train, y_train; expected x_test"):
        read_images(tmp_path / "a.npz")


class Bomb:
    """Unpickling this writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    # Given arrays whose unpickling would create a file
    mark = tmp_path / "executed"
    np.savez(tmp_path / "x.npz", x=np.array([Bomb(mark)], object))
    np.savez(tmp_path / "y.npz", x=noise(40, 8, 6, 3), y=np.array([Bomb(mark)] * 40, object))
    # When they are read, then they are refused and nothing ran
    for name in ("x", "y"):
        with pytest.raises(DataRefused, match=f"^{name} holds pickled Python objects"):
            read_images(tmp_path / f"{name}.npz")
    assert not mark.exists()
    # And labels that nobody asked for are not even looked at
    assert read_images(tmp_path / "y.npz", labelled=False).labels is None


def test_truncated_and_damaged(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=noise(40, 8, 6, 3))
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:3000])
    damaged = bytearray(whole)
    damaged[1000] ^= 0xFF
    (tmp_path / "crc.npz").write_bytes(damaged)
    for name in ("cut", "crc"):
        with pytest.raises(DataRefused, match="damaged"):
            read_images(tmp_path / f"{name}.npz")


def test_a_header_that_lies_about_its_size(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**7, 32, 32, 3)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(DataRefused, match="the limit is 20 GiB"):
        read_images(tmp_path / "a.npz")


def test_a_file_of_no_known_format(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"GIF89a, not at all")
    with pytest.raises(DataRefused, match=r"no known format; pass CSAW \.h5"):
        read_images(tmp_path / "a.npz")
    with pytest.raises(DataRefused, match="no such file"):
        read_images(tmp_path / "missing.npz")


def test_too_few_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=noise(31, 8, 6, 3))
    with pytest.raises(DataRefused, match="31 images, at least 32"):
        read_images(tmp_path / "a.npz")
    assert len(read_images(tmp_path / "a.npz", poisoned=True)) == 31
