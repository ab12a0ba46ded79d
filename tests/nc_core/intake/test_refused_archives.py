"""Keras files that are refused as a whole: damaged archives, and what is larger than may be."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from nc_core.intake import limits, options
from tests.nc_core.intake.conftest import refusal


def rewritten(path: Path, **members: bytes | None) -> Path:
    """The `.keras` classifier with members of its archive replaced or left out; `_` stands for a dot."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    content |= {name.replace("_", "."): data for name, data in members.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            if data is not None:
                archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"config_json": b"{"}, "no valid JSON"),
        ({"config_json": b"[]"}, "not an object"),
        ({"config_json": b'{"class_name": NaN}'}, "NaN is not a number"),
        ({"config_json": b'{"a": ' * 200 + b"1" + b"}" * 200}, "nested 200 levels deep; the limit is 96"),
        ({"config_json": b'{"a": ' * 100_000 + b"1" + b"}" * 100_000}, "nested too deeply"),
        ({"config_json": b'{"class_name": "Sequential", "config": {"layers": []}}'}, "has no layers"),
        ({"metadata_json": None}, "has no metadata.json"),
        ({"model_weights_h5": None}, "has no model.weights.h5"),
        ({"model_weights_h5": b"nothing"}, "cut off or damaged"),
    ],
)
def test_a_damaged_archive_is_refused(members, said, archive: Path):
    assert said in refusal(rewritten(archive, **members))


BUDGETS = {
    "config.LAYERS": (4, ["5 layers; the limit is 4"]),
    "graph.NODES": (3, ["4 layer calls", "the limit is 3"]),
    "graph.EDGES": (2, ["3 inputs of layer calls", "the limit is 2"]),
    "analysis.PARAMETERS": (100, ["563 parameters; the limit is 100"]),
    "analysis.VALUES_PER_IMAGE": (100, ["627 activation values for one image; the limit is 100"]),
    "strict_json.JSON_CHARACTERS": (10, ["characters; the limit is 10"]),
    "strict_json.JSON_DEPTH": (5, ["nested 10 levels deep; the limit is 5"]),
    "sniff.FILE_BYTES": (100, ["bytes in its file; the limit is 100"]),
    "hdf5.NAMES": (1, ["has 5 entries", "the limits are 1 and"]),
    "hdf5.ATTRIBUTE_BYTES": (8, ["5 entries in 40 bytes", "the limits are 32,000 and 8"]),
    "hdf5.PATH_CHARACTERS": (3, ["a name of 7 characters; the limit is 3"]),
    "options.LARGEST": (3, ["'conv'", "filters = 4", "a whole number from 1 to 3"]),
    "options.LARGEST_FLOAT": (0.5, ["'norm'", "momentum = 0.99", "a finite number"]),
    "options.AXES": (2, ["'picture' has the shape [None, 8, 8, 3]", "height, width, channels"]),
}
"""Bound -> (a lower one, what the refusal of the small classifier says)."""


@pytest.mark.parametrize("bound", BUDGETS)
def test_budgets_are_refused_with_limit_and_actual_value(bound, h5: Path, monkeypatch: pytest.MonkeyPatch):
    limit, said = BUDGETS[bound]
    module, name = bound.split(".")
    for holder in [module, "fields"] if bound == "options.AXES" else [module]:
        monkeypatch.setattr(f"nc_core.intake.{holder}.{name}", limit)
    text = refusal(h5)
    assert [part for part in said if part not in text] == [], text


def test_budgets_of_an_archive_are_refused_with_limit_and_actual_value(archive: Path, monkeypatch: pytest.MonkeyPatch):
    # Given an archive whose weights are of a known size
    with zipfile.ZipFile(archive) as file:
        size = file.getinfo("model.weights.h5").file_size
    with monkeypatch.context() as lowered:
        lowered.setattr("nc_core.intake.archive.ZIP_MEMBERS", 2)
        assert "3 files in its archive; the limit is 2" in refusal(archive)
    # Then they are refused before they are unpacked, and so is a net of more weights than such a file holds
    with monkeypatch.context() as lowered:
        lowered.setattr("nc_core.intake.archive.unpacked_limit", lambda _: size - 1)
        assert f"model.weights.h5 in the .keras archive unpacks to {size:,} bytes" in refusal(archive)
        assert f"the limit for a file of its size is {size - 1:,}" in refusal(archive)
    monkeypatch.setattr("nc_core.intake.assemble.unpacked_limit", lambda _: 2251)
    assert "the model has 2,252 bytes of weights in a file of" in refusal(archive)


def test_what_may_be_unpacked_follows_the_size_of_the_file():
    assert limits.unpacked_limit(0) == limits.UNPACKED_FLOOR
    assert limits.unpacked_limit(10**6) == limits.UNPACKED_RATIO * 10**6
    assert limits.unpacked_limit(10**12) == limits.FILE_BYTES


def test_a_list_of_numbers_is_refused_with_limit_and_length():
    with pytest.raises(ValueError, match="a list of 1 to 1,048,576 numbers, not 1,048,577"):
        options.numbers([0.0] * (2**20 + 1))


def test_models_that_call_each_other_twice_do_not_grow_without_bound(tmp_path: Path):
    # Given 14 models, each calling the next one twice: 2^14 calls from a small file
    def nested(depth):
        image = {
            "class_name": "InputLayer",
            "name": "i",
            "config": {"batch_shape": [None, 4, 4, 3]},
            "inbound_nodes": [],
        }
        inner = {"class_name": "Activation", "config": {"activation": "relu"}} if depth == 0 else nested(depth - 1)
        calls = [[["i", 0, 0, {}]], [["f", 1 if depth else 0, 0, {}]]]
        config = {
            "name": "f",
            "layers": [image, {**inner, "name": "f", "inbound_nodes": calls}],
            "input_layers": [["i", 0, 0]],
            "output_layers": [["f", 2 if depth else 1, 0]],
        }
        return {"class_name": "Functional", "config": config}

    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(nested(14))
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    assert f"the limit is {limits.NODES:,}" in refusal(tmp_path / "bomb.h5")
