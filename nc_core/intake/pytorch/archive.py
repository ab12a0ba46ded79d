"""What `torch.save` writes since PyTorch 1.6: a zip of a pickle and one file for each storage of numbers."""

import os
import re
import zipfile
from typing import Any, BinaryIO

from nc_core.errors import ModelRefused
from nc_core.intake.container import check_zip
from nc_core.intake.limits import PICKLE_BYTES, TORCH_MEMBERS, within
from nc_core.intake.pytorch.stored import Storage
from nc_core.intake.pytorch.unpickle import unpickled
from nc_core.intake.pytorch.wording import AGAIN, PLAIN
from nc_core.intake.wording import TWO_MEANINGS, shown

PICKLE = "data.pkl"
STORAGE = re.compile(r"data/(0|[1-9][0-9]{0,8})", re.ASCII)
HOUSEKEEPING = ("byteorder", "version", ".format_version", ".storage_alignment", ".data/serialization_id")
"""Which version of PyTorch wrote the file, and how it is laid out; `byteorder` alone bears on the numbers."""
SMALL = 1024
"""Bytes of one of those."""

WHAT = "PyTorch file"


class TorchArchive:
    """Members are stored as they are, never packed, so that nothing grows when it is read."""

    def __init__(self, file: BinaryIO):
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
            raise ModelRefused(f"the {WHAT} is cut off or damaged: {AGAIN}") from None
        members = self._zip.infolist()
        within(len(members), TORCH_MEMBERS, f"files in its {WHAT}")
        self._top = members[0].filename.partition("/")[0] + "/"
        self._members = {self._name(member): member for member in members}
        if len(self._members) != len(members):
            raise ModelRefused(f"the {WHAT} holds two files of one name: {TWO_MEANINGS}")
        check_zip(file, self._zip, WHAT)
        self._size = file.seek(0, os.SEEK_END)
        self._check_byteorder()

    def __enter__(self) -> "TorchArchive":
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()

    def value(self) -> Any:
        """What the pickle leaves, see `unpickled`; every storage that it names is there, and no other."""
        value, storages = unpickled(self._content(PICKLE, PICKLE_BYTES))
        there = {found[1] for name in self._members if (found := STORAGE.fullmatch(name))}
        for key in sorted(there ^ storages.keys()):
            told = "holds the storage" if key in there else "lacks the storage"
            raise ModelRefused(
                f"the {WHAT} {told} {key}, which its pickle {'' if key in storages else 'not '}names: {AGAIN}"
            )
        for storage in storages.values():
            size = self._members[f"data/{storage.key}"].file_size
            if size != storage.size:
                raise ModelRefused(
                    f"storage {storage.key} of the {WHAT} has {size:,} bytes, and its pickle says {storage.count:,} "
                    f"numbers of {storage.type}: {AGAIN}"
                )
        return value

    def read(self, storage: Storage) -> bytes:
        """The bytes of a storage."""
        return self._content(f"data/{storage.key}", self._size)

    def _name(self, member: zipfile.ZipInfo) -> str:
        """Within the one folder; ModelRefused where it is none that PyTorch writes."""
        name = member.filename.removeprefix(self._top)
        if not member.filename.startswith(self._top) or not (
            name == PICKLE or name in HOUSEKEEPING or STORAGE.fullmatch(name)
        ):
            raise ModelRefused(f"the {WHAT} also holds {shown(member.filename)}, which PyTorch does not write: {PLAIN}")
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise ModelRefused(f"{shown(name)} of the {WHAT} is packed, and PyTorch packs nothing: {PLAIN}")
        return name

    def _check_byteorder(self) -> None:
        if "byteorder" in self._members and (order := self._content("byteorder", SMALL)) != b"little":
            raise ModelRefused(
                f"the {WHAT} has the byte order {shown(order.decode('latin-1'))}, and 'little' is read: save it on "
                "another machine"
            )

    def _content(self, name: str, limit: int) -> bytes:
        member = self._members.get(name)
        if member is None:
            raise ModelRefused(f"the {WHAT} has no {name}: {AGAIN}")
        within(member.file_size, limit, f"bytes in {name} of its {WHAT}")
        try:
            with self._zip.open(member) as content:
                return content.read(member.file_size)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
            raise ModelRefused(f"{name} of the {WHAT} is damaged or encrypted: {AGAIN}") from None
