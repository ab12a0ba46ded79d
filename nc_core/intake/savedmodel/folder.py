"""A SavedModel folder, and the zip in which it travels: three of its files, and none of its graph."""

import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import BinaryIO

from nc_core.errors import ModelRefused
from nc_core.intake.limits import FILE_BYTES, within
from nc_core.intake.savedmodel.wording import H5, WITHOUT_METADATA
from nc_core.intake.wording import shown

METADATA, INDEX, DATA = "keras_metadata.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"
FILES = (METADATA, INDEX, DATA)
BESIDE = ("saved_model.pb", "fingerprint.pb", "variables/", "assets/")
"""What Keras and TensorFlow write beside them: the graph, digests, and folders."""
DEEPEST = 8
"""Folders around a SavedModel in its zip."""


def is_saved_model(path: Path) -> bool:
    """Whether it is a folder of a Keras net."""
    return (path / METADATA).is_file()


def top_of(names: Sequence[str]) -> str | None:
    """The place in a zip where such a folder lies, "" or with a slash at its end; None where there is none."""
    found = next((name for name in names if name.split("/")[-1] == METADATA), None)
    return None if found is None else found.removesuffix(METADATA)


def beside(top: str) -> list[str]:
    """Members of a zip that may be there and are not read; raises ModelRefused where `top` is no plain place."""
    folders = top.split("/")[:-1]
    if len(folders) > DEEPEST or any(folder in ("", ".", "..") for folder in folders):
        raise ModelRefused(f"the zip has its SavedModel at {shown(top)}: put the folder itself into a zip")
    around = ["/".join(folders[: number + 1]) + "/" for number in range(len(folders))]
    return [*around, *(top + name for name in BESIDE)]


def pack_saved_model(folder: Path, out: Path | BinaryIO) -> None:
    """Write a SavedModel folder as one uncompressed zip; the same files give the same bytes.

    Raises ModelRefused where a file is missing, or where there are more bytes than are read.
    """
    if not is_saved_model(folder):
        raise ModelRefused(f"{shown(folder.name)} is {WITHOUT_METADATA}")
    missing = next((name for name in FILES if not (folder / name).is_file()), None)
    if missing is not None:
        raise ModelRefused(f"the SavedModel folder {shown(folder.name)} has no {missing}: copy it again, or {H5}")
    within(sum((folder / name).stat().st_size for name in FILES), FILE_BYTES, "bytes in its SavedModel folder")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in FILES:
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.create_system = 3  # the same bytes on every system
            info.file_size = (folder / name).stat().st_size
            with (folder / name).open("rb") as source, archive.open(info, "w") as member:
                copyfileobj(source, member)


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """A model's file and its name; of a SavedModel folder the zip of it, which is gone afterwards."""
    if not path.is_dir():
        with path.open("rb") as file:
            yield file, path.name
        return
    with TemporaryFile() as packed:
        pack_saved_model(path, packed)
        yield packed, f"{path.name}.zip"
