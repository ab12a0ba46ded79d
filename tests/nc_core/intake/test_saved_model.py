"""SavedModel folders of Keras 2 and zips of them: what is read, what is left aside, what is refused."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.intake import CanonicalModel, read_model
from nc_core.intake.read import read_open_model
from nc_core.intake.savedmodel import crc32c as checksums
from nc_core.intake.savedmodel.folder import pack_saved_model
from tests import saved_models
from tests.hostile import seeds
from tests.saved_models import DATA, INDEX, METADATA, VALUE, Saved, archive, table


def read(saved: Saved) -> CanonicalModel:
    return read_open_model(io.BytesIO(archive(saved.members())), name="saved.zip")


def folder(root: Path, members: dict[str, bytes] | None = None) -> Path:
    for name, content in (members or saved_models.classifier().members()).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


@pytest.mark.parametrize("top", ["", "net/", "a/b/net/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_the_folder_is_the_net(top: str, method: int, tmp_path: Path) -> None:
    around = {"/".join(top.split("/")[:n]) + "/": b"" for n in range(1, top.count("/") + 1)}
    beside = {top + name: b"" for name in ("assets/", "variables/")}
    beside |= {top + "saved_model.pb": b"\x08\x01", top + "fingerprint.pb": b"x"}
    members = {top + name: content for name, content in saved_models.classifier().members().items()}
    (tmp_path / "net.zip").write_bytes(archive({**around, **beside, **members}, method=method))
    found = read_model(tmp_path / "net.zip")
    assert found.equals(read_model(seeds.write_h5(tmp_path / "net.h5")))
    assert "its graph, which TensorFlow Serving runs" in found.note


def test_a_folder_packs_to_the_same_bytes_without_its_graph(tmp_path: Path) -> None:
    folder(tmp_path / "one")
    folder(tmp_path / "two", dict(reversed(saved_models.classifier().members().items())))
    (tmp_path / "two" / "saved_model.pb").write_bytes(b"a program")
    packed = []
    for name in ("one", "two"):
        pack_saved_model(tmp_path / name, tmp_path / f"{name}.zip")
        packed.append((tmp_path / f"{name}.zip").read_bytes())
    assert packed[0] == packed[1]
    assert b"a program" not in packed[1]


@pytest.mark.parametrize("missing", [INDEX, DATA])
def test_a_folder_that_lacks_a_file_is_refused(missing: str, tmp_path: Path) -> None:
    folder(tmp_path / "net")
    (tmp_path / "net" / missing).unlink()
    with pytest.raises(ModelRefused, match=f"has no {missing}"):
        read_model(tmp_path / "net")


def test_a_folder_without_keras_metadata_is_refused_with_what_works(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / METADATA).unlink()
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(ModelRefused, match=r"without keras_metadata.pb.*model\.save\('model\.keras'\)"):
        read_model(tmp_path)


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.onnx"])
def test_by_another_name_it_would_be_read_as_something_else(name: str) -> None:
    with pytest.raises(ModelRefused, match=r"call it \.zip"):
        read_open_model(io.BytesIO(archive(saved_models.classifier().members())), name=name)


def test_the_architecture_is_its_own() -> None:
    content = archive(saved_models.classifier().members())
    with pytest.raises(ModelRefused, match="leave out --architecture"):
        read_open_model(io.BytesIO(content), name="saved.zip", architecture="deepid")


def test_the_state_of_training_is_left_aside(tmp_path: Path) -> None:
    saved = saved_models.classifier()
    slot = f"layer_with_weights-0/kernel/.OPTIMIZER_SLOT/optimizer/m{VALUE}"
    saved.variables |= {slot: np.ones(3, np.float32), f"optimizer/_variables/1{VALUE}": np.ones(3, np.float32)}
    saved.variables |= {f"layer-1/_rng/_state_var{VALUE}": np.ones(3, np.int64)}
    saved.entries.append((99, "root.keras_api.metrics.0", "_tf_keras_metric", {"class_name": "Mean"}))
    assert read(saved).equals(read_model(seeds.write_h5(tmp_path / "net.h5")))


def test_an_index_of_several_blocks_is_read(tmp_path: Path) -> None:
    saved = saved_models.classifier()
    entries, data = saved.index_and_data()
    members = {METADATA: saved.metadata(), INDEX: table(entries[:3], entries[3:4], entries[4:]), DATA: data}
    found = read_open_model(io.BytesIO(archive(members)), name="saved.zip")
    assert found.equals(read_model(seeds.write_h5(tmp_path / "net.h5")))


@pytest.mark.parametrize("kind", ["<f8", "<f2"])
def test_other_floats_become_float32(kind: str) -> None:
    saved = saved_models.classifier()
    saved.variables = {key: array.astype(kind) for key, array in saved.variables.items()}
    for found, wanted in zip(read(saved).weights.values(), saved_models.classifier().variables.values(), strict=True):
        np.testing.assert_array_equal(found, wanted.astype(kind).astype(np.float32))


@pytest.mark.parametrize(
    ("content", "checksum"),
    [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)],
)
def test_checksums_are_those_of_rfc_3720(content: bytes, checksum: int) -> None:
    assert checksums.crc32c(memoryview(content)) == checksum


def test_checksums_of_long_content_are_those_of_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "PIECE", 1000)
    content = np.random.default_rng(0).integers(0, 256, 4097, np.uint8).tobytes()
    assert checksums.masked(memoryview(content)) == saved_models.crc(content)
