"""Weights of `.keras` archives lie where one Keras would put them, and by one rule."""

import io
import zipfile

import h5py
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake.canonical import CanonicalModel
from nc_core.intake.read import read_open_model
from tests.nc_core.intake.test_writers import DEPENDENCIES, WRITERS

TWO_MEANINGS = {
    "both ways of counting": (["conv2d", "conv2d_1", "conv2d_2"], DEPENDENCIES + "/{}", "no layer of the model takes"),
    "counted twice, in Keras 3's container": (["conv2d", "conv2d_2"], "layers/{}", "no group 'layers/conv2d_1'"),
    "counted by some other rule": (["conv2d", "conv2d_3"], DEPENDENCIES + "/{}", "/conv2d_2', which the arch"),
    "one place by two separators": (["conv2d", "conv2d_1", "X/conv2d_1"], "layers\\{}", "'layers/conv2d_1' twice"),
    "both containers": (["conv2d", "conv2d_1", "X/dense"], DEPENDENCIES + "/{}", "both groups"),
}
"""Groups of the convolutions, the place of each (what begins with X lies in `layers`), what is said."""


def weights_of_keras_2_15() -> io.BytesIO:
    with zipfile.ZipFile(io.BytesIO(WRITERS["Keras 2.15"][1])) as source:
        return io.BytesIO(source.read("model.weights.h5"))


def read_with(weights: io.BytesIO) -> CanonicalModel:
    """The archive of Keras 2.15 with other weights."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(WRITERS["Keras 2.15"][1])) as source, zipfile.ZipFile(packed, "w") as changed:
        for member in source.namelist():
            changed.writestr(member, weights.getvalue() if member == "model.weights.h5" else source.read(member))
    return read_open_model(packed, name="model.keras")


@pytest.mark.parametrize("name", TWO_MEANINGS)
def test_weights_that_lie_where_no_keras_or_two_of_them_would_put_them_are_refused(name: str) -> None:
    groups, place, said = TWO_MEANINGS[name]
    buffer = io.BytesIO()
    with h5py.File(weights_of_keras_2_15()) as old, h5py.File(buffer, "w") as file:
        old.copy("layers/dense", file, place.format("dense"))
        old.copy("layers/batch_normalization", file, place.format("batch_normalization"))
        for group in groups:
            target = group.replace("X/", "layers/") if group.startswith("X/") else place.format(group)
            old.copy("layers/dense" if group == "X/dense" else "layers/conv2d", file, target)
    with pytest.raises(ModelRefused, match=said):
        read_with(buffer)


def test_groups_that_hold_each_other_are_refused() -> None:
    buffer = weights_of_keras_2_15()
    with h5py.File(buffer, "r+") as file:
        file["layers/flatten/layers"] = file["layers"]
    with pytest.raises(ModelRefused, match="the limit is"):
        read_with(buffer)
