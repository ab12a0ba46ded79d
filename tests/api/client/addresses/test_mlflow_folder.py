"""A folder in which MLflow keeps a model stands for the model in it."""

import zipfile
from pathlib import Path

import pytest

from api.client import inputs
from api.client.addresses import Downloads
from api.client.addresses.mlflow_folder import model_in
from api.client.errors import AddressRefused
from nc_core.errors import ModelRefused
from nc_tasks.settings import Settings


def folder(root: Path, *files: str) -> Path:
    for name in ("MLmodel", "conda.yaml", *files):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"content")
    return root


@pytest.mark.parametrize("file", ["data/model.keras", "data/model.h5", "model.onnx"])
def test_the_model_s_own_file_is_taken(file: str, tmp_path: Path) -> None:
    assert model_in(folder(tmp_path, file)) == tmp_path / file


def test_any_other_path_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"content")
    for place in (tmp_path, tmp_path / "model.keras", tmp_path / "none"):
        assert model_in(place) == place


def test_a_saved_model_of_keras_is_packed_into_one_file(tmp_path: Path) -> None:
    saved = ("keras_metadata.pb", "variables/variables.index", "variables/variables.data-00000-of-00001")
    place = folder(tmp_path, *(f"data/model/{name}" for name in ("saved_model.pb", "fingerprint.pb", *saved)))
    (tmp_path / "data" / "model" / "saved_model.pb").write_bytes(b"a program")
    with Downloads(Settings) as files:
        found = files.path(place, "model")
        inputs.check_model(found)
        assert inputs.name_of(found) == "model.zip"
        with zipfile.ZipFile(found) as archive:
            assert archive.namelist() == list(saved)
        # Asked for again, by itself, it is the same file
        assert files.path(place / "data" / "model", "model") == found
    assert not found.exists()


def test_another_saved_model_is_refused_with_what_works(tmp_path: Path) -> None:
    place = folder(tmp_path, "data/model/saved_model.pb", "data/model/variables/variables.index")
    assert model_in(place) == tmp_path / "data" / "model"
    with Downloads(Settings) as files, pytest.raises(ModelRefused, match=r"without keras_metadata.pb.*model\.save"):
        files.path(place, "model")


def test_none_and_several_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(AddressRefused, match="holds no model"):
        model_in(folder(tmp_path / "none", "data/model.pkl"))
    with pytest.raises(AddressRefused, match="holds 2 files that may be the model"):
        model_in(folder(tmp_path / "two", "data/a.keras", "data/b.h5"))


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.keras").write_bytes(b"content")
    inside = folder(tmp_path / "folder")
    (inside / "model.keras").symlink_to(tmp_path / "elsewhere.keras")
    with pytest.raises(AddressRefused, match="leads out of it"):
        model_in(inside)
