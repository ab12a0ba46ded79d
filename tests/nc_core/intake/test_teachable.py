"""The zip that Teachable Machine exports: read as the model in it, and refused where it is anything else."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import read_model
from nc_core.intake.limits import UNPACKED_FLOOR
from nc_core.models import build
from nc_core.quarantine.admit import admit_model
from tests.differential.onnx.compare import images

layers = keras.layers
Members = dict[str, bytes]


def net() -> keras.Model:
    """Two Sequentials in a Sequential, the first one of a MobileNet's first layers, as Teachable Machine nests them."""
    keras.utils.set_random_seed(5)
    image = keras.Input((12, 12, 3))
    x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(4, 3, 2, "same", use_bias=False)(image)))
    x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)))
    features = keras.Sequential([keras.Model(image, x), layers.GlobalAveragePooling2D()])
    ends = [layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax", use_bias=False)]
    return keras.Sequential([keras.Input((12, 12, 3)), features, keras.Sequential([keras.Input((4,)), *ends])])


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Members:
    path = tmp_path_factory.mktemp("saved") / "keras_model.h5"
    net().save(path)
    return {"keras_model.h5": path.read_bytes(), "labels.txt": "0 Rose\n1 Löwenzahn\n2 nothing at all\n".encode()}


def packed(folder: Path, members: Mapping[str, bytes], name: str = "converted_keras.zip") -> Path:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return folder / name


def test_the_model_answers_as_in_keras_and_its_labels_are_its_class_names(members: Members, tmp_path: Path) -> None:
    read = admit_model(packed(tmp_path, members))
    given = images((12, 12, 3), 16)
    np.testing.assert_allclose(build(read).predict(given, verbose=0), net().predict(given, verbose=0), atol=1e-6)
    assert read.class_names == ("Rose", "Löwenzahn", "nothing at all")
    assert read.named_in == "labels.txt"
    # And it is the net of the file inside
    (tmp_path / "model.h5").write_bytes(members["keras_model.h5"])
    assert read.equals(read_model(tmp_path / "model.h5"))


def _bomb(content: bytes) -> bytes:
    """A member that unpacks to more than such a file may."""
    return content + bytes(UNPACKED_FLOOR + 1)


CHANGES: dict[str, tuple[Callable[[Members], Members], str]] = {
    "one label less": (lambda m: {**m, "labels.txt": b"0 a\n1 b\n"}, "does not number 3 classes"),
    "labels in another order": (lambda m: {**m, "labels.txt": b"1 a\n0 b\n2 c\n"}, "does not number 3 classes"),
    "no labels": (lambda m: {**m, "labels.txt": b""}, "does not number 3 classes"),
    "a label without a name": (lambda m: {**m, "labels.txt": b"0 a\n1 \n2 c\n"}, "name 1 is ''"),
    "a label that steers a terminal": (lambda m: {**m, "labels.txt": b"0 a\n1 \x1b[31m\n2 c\n"}, "name 1 is"),
    "labels that are no text": (lambda m: {**m, "labels.txt": b"\xff\xfe0"}, "no UTF-8 text"),
    "labels without end": (lambda m: {**m, "labels.txt": b"0 a" * 2**16}, "the limit is 65,536"),
    "a file more": (lambda m: {**m, "model.py": b"import os"}, "a zip archive that holds 'keras_model.h5'"),
    "no model": (lambda m: {"labels.txt": m["labels.txt"]}, "a zip archive without"),
    "a model in a folder": (lambda m: {**m, "../keras_model.h5": b""}, "a zip archive that holds"),
    "a model that is none": (lambda m: {**m, "keras_model.h5": b"\x89HDF\r\n\x1a\n"}, "cut off or damaged"),
    "a model that unpacks": (lambda m: {**m, "keras_model.h5": _bomb(m["keras_model.h5"])}, "unpacks to"),
    "bytes behind the model": (lambda m: {**m, "keras_model.h5": m["keras_model.h5"] + b"PK"}, "may be another model"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_archive_is_refused(change: str, members: Members, tmp_path: Path) -> None:
    make, said = CHANGES[change]
    with pytest.raises(ModelRefused, match=said) as refused:
        read_model(packed(tmp_path, make(members)))
    assert str(refused.value).isprintable()


def test_bytes_that_belong_to_no_member_are_refused(members: Members, tmp_path: Path) -> None:
    path = packed(tmp_path, members)
    path.write_bytes(io.BytesIO(b"x" * 512).getvalue() + path.read_bytes())
    with pytest.raises(ModelRefused):
        read_model(path)


def test_by_another_name_it_would_be_read_as_something_else(members: Members, tmp_path: Path) -> None:
    for name in ("model.keras", "model.h5", "model.onnx"):
        with pytest.raises(ModelRefused, match=r"call it \.zip"):
            read_model(packed(tmp_path, members, name))


def test_options_of_other_files_are_refused(members: Members, tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="leave out --architecture"):
        read_model(packed(tmp_path, members), architecture="deepid")
