"""Inputs that cannot be scanned: exit code 2, one line, no traceback, nothing half-written."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.e2e.conftest import Cleanse, Planted
from tests.hostile.corpus import DATA, MODELS
from tests.hostile.fuzz import FOR_US

pytestmark = pytest.mark.e2e

Make = Callable[[Path, Planted], tuple[Path, Path, list[str]]]
"""(folder, planted) -> model, data, more arguments."""


def _data(planted: Planted) -> tuple[np.ndarray, np.ndarray]:
    with np.load(planted.clean) as data:
        return data["x_test"], data["y_test"]


def _npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def wrong_range(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
    x, y = _data(planted)
    return planted.model, _npz(folder / "d.npz", x_test=255 - x, y_test=(y + 5) % 16), []


def floats_out_of_range(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
    x, y = _data(planted)
    return planted.model, _npz(folder / "d.npz", x_test=x * 40.0, y_test=y), []


def twelve_images(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
    x, y = _data(planted)
    return planted.model, _npz(folder / "d.npz", x_test=x[:12], y_test=y[:12]), []


def one_class(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
    x, y = _data(planted)
    return planted.model, _npz(folder / "d.npz", x_test=x, y_test=np.full_like(y, 3)), []


def labels_beyond(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
    x, y = _data(planted)
    return planted.model, _npz(folder / "d.npz", x_test=x, y_test=y + 7), []


def label_asked_beyond(_: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
    return planted.model, planted.clean, ["--labels", "0-40"]


def regression(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
    layers = keras.layers
    net = keras.Sequential([layers.Input((32, 32, 3)), layers.Flatten(), layers.Dense(1)])
    net.save(folder / "m.keras")
    return folder / "m.keras", planted.clean, []


def nan_weights(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
    net = keras.models.load_model(planted.model)
    weights = net.get_weights()
    weights[0][0, 0, 0, 0] = np.nan
    net.set_weights(weights)
    net.save(folder / "m.keras")
    return folder / "m.keras", planted.clean, []


def _file(name: str, content: bytes) -> Make:
    def make(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
        (folder / name).write_bytes(content)
        return folder / name, planted.clean, []

    return make


def saved_model(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
    (folder / "m").mkdir()
    (folder / "m" / "saved_model.pb").write_bytes(b"\x08\x01")
    return folder / "m", planted.clean, []


def pytorch(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
    with zipfile.ZipFile(folder / "m.pt", "w") as archive:
        archive.writestr("m/data.pkl", b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R.")
        archive.writestr("m/version", "3")
    return folder / "m.pt", planted.clean, []


def missing(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
    return folder / "nowhere.h5", planted.clean, []


def hostile_model(name: str) -> Make:
    def make(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
        return MODELS[name].make(folder), planted.clean, []

    return make


def hostile_data(name: str) -> Make:
    def make(folder: Path, planted: Planted) -> tuple[Path, Path, list[str]]:
        return planted.model, DATA[name].make(folder), []

    return make


ONNX = b"\x08\x08\x12\x07pytorch\x1a\x032.1:\x01x"

CASES: dict[str, tuple[Make, str]] = {
    "range": (wrong_range, "accuracy"),
    "floats": (floats_out_of_range, "255"),
    "twelve": (twelve_images, "12"),
    "one-class": (one_class, "class"),
    "labels-beyond": (labels_beyond, "22"),
    "asked-beyond": (label_asked_beyond, "--labels"),
    "regression": (regression, "the model has 2 classes"),
    "nan": (nan_weights, "NaN"),
    "empty": (_file("m.h5", b""), "empty"),
    "savedmodel": (saved_model, "SavedModel"),
    "onnx": (_file("m.onnx", ONNX), "ONNX"),
    "pytorch": (pytorch, "posix.system"),
    "tflite": (_file("m.tflite", b"\x1c\x00\x00\x00TFL3" + b"\x00" * 64), "TensorFlow Lite|TFLite"),
    "missing": (missing, "nowhere.h5"),
    "two-inputs": (hostile_model("graph: two inputs in a row"), "InputLayer"),
    "array-of-2^70": (hostile_data("array: array of 2^70 by nothing"), "GiB"),
    "pictures-in-bytes": (hostile_data("picture: broken picture whose name is no text"), "\\xff"),
}


@pytest.mark.parametrize("case", CASES)
def test_refusal_is_one_line_with_exit_code_2(case: str, cleanse: Cleanse, planted: Planted, tmp_path: Path) -> None:
    # Given an input that cannot be scanned
    make, expected = CASES[case]
    model, data, more = make(tmp_path, planted)
    out = tmp_path / "out"
    # When it is run
    ran = cleanse("run", model, "--data", data, "--out", out, *more)
    # Then the last line says why, and no result is left
    lines = [line for line in ran.err.splitlines() if line.startswith("cleanse: ")]
    assert ran.code == 2, ran.err
    assert len(lines) == 1, ran.err
    assert not FOR_US.search(lines[0]), lines[0]
    assert any(word in lines[0] for word in expected.split("|")), lines[0]
    assert "Traceback" not in ran.err + ran.out
    assert not (out / "result.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["run", "m.h5"], ["run", "m.h5", "--data", "d", "--profile", "quick"], ["frobnicate"]],
)
def test_usage_errors_leave_with_64(cleanse: Cleanse, arguments: list[str]) -> None:
    assert cleanse(*arguments).code == 64
