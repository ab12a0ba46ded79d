"""Keras files whose weights are refused: what they hold, where it lies, and what it is for."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import read_model
from tests.nc_core.intake.conftest import refusal


def replaced(path: Path, content, **settings) -> Path:
    """The `.h5` classifier with another kernel in its layer `conv`."""
    with h5py.File(path, "r+") as file:
        del file["model_weights/conv/conv/kernel"]
        if content is not None:
            file["model_weights/conv/conv"].create_dataset("kernel", data=content, **settings)
    return path


KERNEL = np.arange(108, dtype=np.float32).reshape(3, 3, 3, 4)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_weights_of_any_float_are_read_as_float32(dtype, h5: Path):
    weights = read_model(replaced(h5, KERNEL.astype(dtype), compression="gzip", shuffle=True)).weights
    assert weights["conv/kernel"].dtype == np.float32
    np.testing.assert_array_equal(weights["conv/kernel"], KERNEL)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (np.where(KERNEL == 5, np.nan, KERNEL), "hold NaN (1 of 108 values)"),
        (np.where(KERNEL == 5, np.inf, KERNEL), "hold infinity"),
        (np.where(KERNEL == 5, 1e300, KERNEL.astype("float64")), "hold infinity"),
        (KERNEL.astype(np.int64), "hold int64"),
        (KERNEL[..., :3], "(3, 3, 3, 3)"),
        (None, "no array 'conv/kernel'"),
    ],
)
def test_weights_that_say_nothing_are_refused(content, said, h5: Path):
    text = refusal(replaced(h5, content))
    assert said in text
    assert "conv" in text


def test_arrays_that_lie_elsewhere_are_refused(h5: Path, tmp_path: Path):
    # Given a kernel that is a link, a link to another file, external data, or a virtual dataset
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["kernel"] = KERNEL
    (tmp_path / "raw").write_bytes(KERNEL.tobytes())
    virtual = h5py.VirtualLayout(KERNEL.shape, "float32")
    virtual[:] = h5py.VirtualSource(other, "kernel", KERNEL.shape)
    place = "model_weights/conv/conv/kernel"
    makers = {
        "SoftLink": lambda file: file.__setitem__(place, h5py.SoftLink("/model_weights/norm")),
        "ExternalLink": lambda file: file.__setitem__(place, h5py.ExternalLink(str(other), "kernel")),
        "another file": lambda file: file.create_dataset(
            place, KERNEL.shape, "float32", external=[(str(tmp_path / "raw"), 0, KERNEL.nbytes)]
        ),
        "in another file": lambda file: file.create_virtual_dataset(place, virtual),
        "never written": lambda file: file.create_dataset(place, KERNEL.shape, "float32", chunks=True),
    }
    for said, make in makers.items():
        with h5py.File(h5, "r+") as file:
            del file[place]
            make(file)
        # Then none of them is followed
        assert said in refusal(h5)


def test_weights_alone_are_refused_with_the_architecture_to_name(weights_only: Path, shared: Path):
    assert "--architecture deepid" in refusal(weights_only)
    assert "--architecture deepid" in refusal(shared / "models" / "csaw2020_sunglasses_bd_weights.h5")


def test_an_architecture_that_does_not_fit_is_refused(weights_only: Path, h5: Path):
    with pytest.raises(ModelRefused, match="known are: deepid"):
        read_model(weights_only, architecture="resnet")
    with pytest.raises(ModelRefused, match=r"layers/conv2d_1|weight arrays|no group"):
        read_model(weights_only, architecture="deepid")
    with pytest.raises(ModelRefused, match="leave out --architecture"):
        read_model(h5, architecture="deepid")


def test_an_architecture_without_weights_is_refused(h5: Path):
    with h5py.File(h5, "r+") as file:
        del file["model_weights"]
    assert "without weights" in refusal(h5)
