"""What is no Keras or ONNX model is refused in one line that names it and says what to do."""

import io
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from nc_core.errors import ModelRefused
from nc_core.intake import read_model


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return buffer.getvalue()


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, x_test=np.zeros(3))
    return buffer.getvalue()


ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x80\x01"
SAVED_MODEL = b"\x08\x01\x12\xf0\x0f\x0a\x20"
LEGACY_TORCH = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)

FILES = {
    "empty": ("model.h5", b"", "is empty"),
    "text": ("model.h5", b"hello world\n" * 10, "is text"),
    "noise": ("model.h5", bytes(range(200, 256)) * 40, "no Keras or ONNX model"),
    "web page": ("model.h5", b"<!DOCTYPE html><html>404</html>", "web page"),
    "LFS pointer": (
        "model.keras",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "git lfs pull",
    ),
    "architecture alone": ("model.json", b'{"class_name": "Sequential"}', "architecture without weights"),
    "notebook": ("model.h5", b'{"nbformat": 4, "nbformat_minor": 0, "metadata": {}, "cells": []}', "Jupyter notebook"),
    "notebook, cells first": ("train.ipynb", b'{\n "cells": [\n  {\n' + b'"a" ' * 3000, "Jupyter notebook"),
    "cut-off ONNX": ("model.onnx", ONNX, "cut off or damaged"),
    "ONNX, renamed": ("model.h5", ONNX, "call it .onnx"),
    "Keras, called ONNX": ("model.onnx", b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "damaged"),
    "PyTorch": ("model.pt", zipped("archive/data.pkl", "archive/data/0"), "not of protocol"),
    "PyTorch, legacy": ("model.pth", LEGACY_TORCH, r"PyTorch before 1\.6.*torch\.save"),
    "TorchScript": ("net.pt", zipped("net/data.pkl", "net/code/a", "net/constants.pkl"), r"torch\.onnx\.export"),
    "pickle": ("model.pkl", pickle.dumps({"weights": [1.0]}), "pickle"),
    "TFLite": ("model.tflite", b"\x1c\x00\x00\x00TFL3" + b"\0" * 60, "TFLite"),
    "safetensors": ("model.safetensors", safetensors.numpy.save({"a": np.zeros(2)}), "without an architecture"),
    "SavedModel's graph": ("saved_model.pb", SAVED_MODEL, "graph of a TensorFlow SavedModel.*submit the folder"),
    "SavedModel, renamed": ("model.h5", SAVED_MODEL, "SavedModel"),
    "SavedModel, zipped": ("model.zip", zipped("net/saved_model.pb", "net/variables/v"), "SavedModel without"),
    "frozen graph": ("graph.pb", b"\x0a\x40\x0a\x05input", "frozen TensorFlow graph"),
    "npz": ("model.npz", npz(), "NumPy archive"),
    "zip of something": ("model.keras", zipped("readme.txt"), "without config.json"),
    "zip of anything": ("model.zip", zipped("a\nb.txt", "c.csv", "d"), r"it holds 'a\\nb.txt' and 'c.csv' and 1 more"),
    "zip of nothing": ("model.zip", zipped(), "no Keras or ONNX model"),
    "Teachable Machine": ("converted_keras.zip", zipped("labels.txt", "keras_model.h5"), "HDF5 file is cut off"),
    "zipped folder": (
        "net.zip",
        zipped("net/", "net/model.keras"),
        "'net/model.keras': unpack it and submit that file",
    ),
    "cut-off zip": ("model.keras", zipped("config.json", "model.weights.h5")[:80], "cut off or damaged"),
    "cut-off HDF5": ("model.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "cut off or damaged"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_foreign_file_is_refused_in_one_line(case, tmp_path: Path):
    name, content, said = FILES[case]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelRefused, match=said) as refused:
        read_model(path)
    assert "\n" not in str(refused.value)
    assert ": " in str(refused.value) or "; " in str(refused.value), "a refusal says what to do"


def test_the_folder_of_a_saved_model_is_refused_with_its_conversion(tmp_path: Path):
    (tmp_path / "saved_model.pb").write_bytes(SAVED_MODEL)
    with pytest.raises(ModelRefused, match=r"SavedModel without keras_metadata.*tf_keras"):
        read_model(tmp_path)


@pytest.mark.parametrize("name", ["data/model.keras", "data/model.h5", "model.keras"])
def test_a_folder_that_holds_a_model_says_which_file_to_submit(name: str, tmp_path: Path):
    # Given a model as MLflow logs it
    folder = tmp_path / "logged"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    for each in ("MLmodel", "conda.yaml", name):
        (folder / each).write_bytes(b"x")
    with pytest.raises(ModelRefused, match=f"'logged' is a folder that holds '{name}': submit that file"):
        read_model(folder)


def test_a_folder_with_a_saved_model_within_is_refused_with_its_conversion(tmp_path: Path):
    (tmp_path / "data" / "model").mkdir(parents=True)
    (tmp_path / "data" / "model" / "saved_model.pb").write_bytes(SAVED_MODEL)
    with pytest.raises(ModelRefused, match=r"SavedModel without keras_metadata.*tf_keras"):
        read_model(tmp_path)


def test_any_other_folder_and_a_missing_file_are_refused(tmp_path: Path):
    with pytest.raises(ModelRefused, match="is a folder"):
        read_model(tmp_path)
    with pytest.raises(ModelRefused, match="there is no model file"):
        read_model(tmp_path / "absent.h5")


def test_a_data_file_in_hdf5_is_refused(tmp_path: Path):
    import h5py

    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["data"] = np.zeros((3, 3))
    with pytest.raises(ModelRefused, match="--data"):
        read_model(tmp_path / "data.h5")


def test_reading_loads_neither_tensorflow_nor_keras(h5: Path):
    program = (
        "import sys; from pathlib import Path; from nc_core.intake import read_model; "
        f"read_model(Path({str(h5)!r})); "
        "assert not {'tensorflow', 'keras'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])
