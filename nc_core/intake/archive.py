"""Archives with a Keras model in them: zips of the files that their writer puts there, and of nothing else.

A `.keras` file has config.json, metadata.json and model.weights.h5; Teachable Machine's keras_model.h5 and labels.txt;
what a SavedModel has is listed in `savedmodel.folder`.
"""

import io
import os
import zipfile
import zlib
from collections.abc import Collection, Sequence
from typing import BinaryIO

from nc_core.errors import ModelRefused
from nc_core.intake.container import check_zip
from nc_core.intake.limits import JSON_CHARACTERS, ZIP_MEMBERS, unpacked_limit, within
from nc_core.intake.wording import shown

WEIGHTS = "model.weights.h5"
MEMBERS = ("metadata.json", "config.json", WEIGHTS)


class KerasArchive:
    """Bounded reading of single members; nothing is unpacked to disk.

    members: those that are read. what: the archive, for messages. beside: what may be there and is not read.
    """

    def __init__(
        self,
        file: BinaryIO,
        members: Sequence[str] = MEMBERS,
        what: str = ".keras archive",
        beside: Collection[str] = (),
    ):
        self._what = what
        self._limit = unpacked_limit(file.seek(0, os.SEEK_END))
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
            raise ModelRefused(f"the {what} is cut off or damaged: copy it again") from None
        names = self._zip.namelist()
        within(len(names), ZIP_MEMBERS, "files in its archive")
        _check_names(names, members, beside, what)
        check_zip(file, self._zip, what)

    def __enter__(self) -> "KerasArchive":
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()

    def text(self, name: str) -> str:
        """A JSON member as text."""
        try:
            return self._member(name, min(4 * JSON_CHARACTERS, self._limit)).decode("utf-8")
        except UnicodeDecodeError:
            raise ModelRefused(f"{name} in the {self._what} is no UTF-8 text: save the model again") from None

    def hdf5(self, name: str = WEIGHTS) -> BinaryIO:
        """An HDF5 member in memory."""
        return io.BytesIO(self.content(name))

    def content(self, name: str) -> bytes:
        """A member as it is."""
        return self._member(name, self._limit)

    def _member(self, name: str, limit: int) -> bytes:
        try:
            declared = self._zip.getinfo(name).file_size
        except KeyError:
            raise ModelRefused(
                f"the {self._what} has no {name}: save the model with model.save('model.keras')"
            ) from None
        if declared > limit:
            raise ModelRefused(
                f"{name} in the {self._what} unpacks to {declared:,} bytes; the limit for a file of its size is "
                f"{limit:,}: save the model again"
            )
        try:
            # zipfile gives no more than was declared; without a number it might unpack more before it cuts it off.
            with self._zip.open(name) as member:
                return member.read(declared)
        except (
            zipfile.BadZipFile,
            zlib.error,
            NotImplementedError,
            RuntimeError,
            EOFError,
            OSError,
            ValueError,
        ):
            raise ModelRefused(f"{name} in the {self._what} is damaged or encrypted: save the model again") from None


def _check_names(names: Sequence[str], members: Sequence[str], beside: Collection[str], what: str) -> None:
    if len(set(names)) != len(names):
        raise ModelRefused(f"the {what} holds two files of one name: save the model again")
    other = [name for name in names if name not in members and name not in beside]
    if other:
        raise ModelRefused(
            f"the {what} also holds {shown(other[0])}; read here are {', '.join(members)} alone: save the model again"
        )
