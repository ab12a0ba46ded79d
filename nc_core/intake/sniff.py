"""Tells by its first bytes what was submitted; what is not read is refused with the way to a file that is."""

import re
import zipfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path, PurePath
from typing import BinaryIO

from nc_core.errors import ModelRefused
from nc_core.intake.container import HDF5_MAGIC, SUFFIXES, ZIP_MAGIC, Kind
from nc_core.intake.limits import FILE_BYTES, within
from nc_core.intake.pytorch.wording import EXPORT
from nc_core.intake.savedmodel.folder import is_saved_model, top_of
from nc_core.intake.savedmodel.wording import WITHOUT_METADATA
from nc_core.intake.teachable import LABELS, MODEL
from nc_core.intake.wording import shown

TORCH_LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The pickled number 0x1950a86a20f9469cfc6c that opened PyTorch files before 1.6."""

FOLDER_FILES = 1_000
"""Files of a folder that are looked through for a model."""

WANTED = "submit a Keras or ONNX file (.keras, .h5 or .onnx), or weights of PyTorch (.pth or .safetensors)"

HOW_TO_CONVERT = {
    "SavedModel": WITHOUT_METADATA,
    "graph": "the graph of a TensorFlow SavedModel, which is a program and has no weights: submit the folder that it "
    "lies in, with its keras_metadata.pb and its variables",
    "frozen graph": "a frozen TensorFlow graph, which holds operations and no layers: submit the Keras "
    "file (.keras or .h5) that it was made from",
    "PyTorch": "of PyTorch before 1.6, or saved as that did, a row of pickles: load it where you trust it, weights = "
    "torch.load(FILE, weights_only=True), and save it anew, torch.save(weights, 'weights.pth')",
    "TorchScript": f"a TorchScript archive, which is a program: {EXPORT} (torch.jit.load in place of torch.load)",
    "TFLite": "a TFLite model, which has no way back to layers: submit the Keras file (.keras or .h5) that "
    "it was converted from",
    "pickle": "a Python pickle, which is a program: load it where you trust it and save the net, "
    "model.save('model.keras'), or its weights, torch.save(net.state_dict(), 'weights.pth')",
    "NumPy": "a NumPy archive: if these are weights, load them into the Keras net and submit that, "
    "model.save('model.keras'); if these are images, pass it as --data",
    "JSON": "JSON text, an architecture without weights: submit the whole model, model.save('model.keras')",
    "notebook": "a Jupyter notebook, a program and no model: run it where you trust it and submit the file that it "
    "saves, model.save('model.keras')",
    "LFS": "a Git LFS pointer, not the model itself: fetch it first, git lfs pull",
    "HTML": f"a web page, not a model: the download went wrong; {WANTED}",
    "text": f"text; {WANTED}",
    "zip": f"a zip archive without config.json and model.weights.h5; {WANTED}",
}


def check_file(path: Path) -> None:
    """Raise ModelRefused unless the path is a file of a size that is read, or a SavedModel folder of Keras; no byte is
    looked at.
    """
    if path.is_dir():
        if is_saved_model(path):
            return
        raise ModelRefused(_folder(path))
    if not path.is_file():
        raise ModelRefused(f"there is no model file {path.name!r}: check the path")
    size = path.stat().st_size
    if size == 0:
        raise ModelRefused(f"the model file is empty (0 bytes); {WANTED}")
    within(size, FILE_BYTES, "bytes in its file")


def sniff(file: BinaryIO, name: str) -> Kind:
    """The container of a file that is read; ModelRefused for everything else, with the name of the conversion.

    name: the file's, since some formats are told by their suffix alone.
    """
    file.seek(0)
    start = file.read(4096)
    if start.startswith((HDF5_MAGIC, ZIP_MAGIC)):
        return "hdf5" if start.startswith(HDF5_MAGIC) else _archive(file)
    foreign = _foreign(start, PurePath(name).suffix.lower(), name)
    if foreign == "ONNX":
        return "onnx"
    if foreign == "safetensors":
        return "safetensors"
    raise ModelRefused(_told(foreign))


def _told(kind: str | None) -> str:
    if kind is None:
        return f"the file is no Keras or ONNX model: its first bytes belong to no known format; {WANTED}"
    return f"the file is {HOW_TO_CONVERT[kind]}"


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").is_file():
        return f"the folder is {HOW_TO_CONVERT['SavedModel']}"
    names = sorted(each.relative_to(path).as_posix() for each in islice(path.rglob("*"), FOLDER_FILES))
    if models := _models(names):
        return f"{shown(path.name)} is a folder that holds {_some(models)}: submit that file"
    if any(name.endswith("saved_model.pb") for name in names):
        return f"{shown(path.name)} is a folder that holds {HOW_TO_CONVERT['SavedModel']}"
    return f"{shown(path.name)} is a folder, not a model file; {WANTED}"


def _models(names: Sequence[str]) -> list[str]:
    """Those that a Keras model has, but not those of weights alone."""
    return [name for name in names if name.lower().endswith(tuple(SUFFIXES)) and not name.endswith(".weights.h5")]


def _some(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - 2:,} more" if len(names) > 2 else ""
    return " and ".join(shown(name) for name in names[:2]) + more if names else "nothing"


def _archive(file: BinaryIO) -> Kind:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise ModelRefused(f"the archive is cut off or damaged ({_line(error)}): copy it again") from None
    if "config.json" in names:
        return "keras"
    if sorted(names) == [MODEL, LABELS]:
        return "teachable"
    if any(name.endswith("/data.pkl") for name in names):
        if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
            raise ModelRefused(_told("TorchScript"))
        return "pytorch"
    if top_of(names) is not None:
        return "savedmodel"
    if any(name.endswith("saved_model.pb") for name in names):
        raise ModelRefused(_told("SavedModel"))
    if names and all(name.endswith(".npy") for name in names):
        raise ModelRefused(_told("NumPy"))
    if models := _models(names):
        raise ModelRefused(f"the file is a zip archive that holds {_some(models)}: unpack it and submit that file")
    raise ModelRefused(f"{_told('zip')}; it holds {_some(names)}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _foreign(start: bytes, suffix: str, name: str) -> str | None:
    """ONNX, safetensors or a name in HOW_TO_CONVERT for a file that is neither HDF5 nor zip; None for anything else."""
    if start[4:8] == b"TFL3":
        return "TFLite"
    if start[:1] == b"\x80" and start[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return "PyTorch" if start[2:].startswith(TORCH_LEGACY_MAGIC) else "pickle"
    if start[:6] == b"\x93NUMPY":
        return "NumPy"
    if len(start) > 9 and start[8:9] == b"{" and start[7] == 0:
        return "safetensors"
    return _protobuf(start, suffix, name) or _text(start)


def _protobuf(start: bytes, suffix: str, name: str) -> str | None:
    """ONNX opens with its ir_version (field 1, at least 3), a SavedModel with schema version 1."""
    if suffix == ".onnx":
        return "ONNX"
    if name == "saved_model.pb" or start[:3] == b"\x08\x01\x12":
        return "graph"
    if (
        start[:1] == b"\x08"
        and len(start) > 2
        and 3 <= start[1] <= 32
        and start[2:3] in {b"\x12", b"\x1a", b'"', b"*", b"2", b":", b"B"}
    ):
        return "ONNX"
    return "frozen graph" if suffix == ".pb" else None


def _text(start: bytes) -> str | None:
    try:
        text = start.decode("utf-8", errors="strict" if len(start) < 4096 else "ignore").lstrip().lower()
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    if text.startswith("version https://git-lfs"):
        return "LFS"
    if text.startswith(("<!doctype", "<html")):
        return "HTML"
    if re.match(r'\{\s*"cells"', text) or (text.startswith("{") and '"nbformat"' in text):
        return "notebook"
    return "JSON" if text.startswith(("{", "[")) else "text"
