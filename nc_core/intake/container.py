"""One container a file, and every byte of the file within it.

Two formats can share a file: a zip is found from its end, whatever stands before it, and HDF5 at any of several places,
whatever stands around it. Keras goes by the name's suffix, other programs by the first bytes. So a file that is both is
two models, and one with bytes that belong to nothing may be.
"""

import os
import zipfile
from collections.abc import Iterator
from pathlib import PurePath
from typing import BinaryIO, Literal

from nc_core.errors import ModelRefused

Kind = Literal["hdf5", "keras", "onnx", "pytorch", "safetensors", "savedmodel", "teachable"]

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
ZIP_MAGIC = b"PK\x03\x04"

SUFFIXES: dict[str, Kind] = {
    ".keras": "keras", ".h5": "hdf5", ".hdf5": "hdf5", ".onnx": "onnx",
    ".pth": "pytorch", ".pt": "pytorch", ".safetensors": "safetensors",
}  # fmt: skip
"""By which Keras chooses its reader; it reads files of no other, and runtimes of ONNX expect theirs."""

NAMED = {
    "keras": "a .keras archive",
    "hdf5": "HDF5",
    "onnx": "ONNX",
    "pytorch": "a PyTorch file",
    "safetensors": "a safetensors file",
    "savedmodel": "a zip of a SavedModel folder",
    "teachable": "an archive of Teachable Machine",
}

LOCAL_HEADER, END_RECORD, ZIP64_RECORDS = 30, 22, 76
"""Bytes of parts of a zip, without names and other texts (PKWARE APPNOTE, 4.3)."""

DESCRIPTORS = (12, 16, 20, 24)
"""Bytes that may follow a member's data: its sizes, where they were not known before it was written (4.3.9)."""

HAS_DESCRIPTOR = 0x08

FIRST_USER_BLOCK = 512
"""Bytes after which HDF5 looks for its signature next; then after twice as many, and so on."""


def check_suffix(name: str, kind: Kind) -> None:
    """Raise ModelRefused where the file's name has Keras read it as another format than it is of."""
    suffix = PurePath(name).suffix.lower()
    if SUFFIXES.get(suffix, kind) != kind:
        right = " or ".join(end for end, other in SUFFIXES.items() if other == kind) or ".zip"
        raise ModelRefused(
            f"the file is called {suffix} and is {NAMED[kind]}, and Keras goes by the name: call it {right}"
        )


def check_hdf5(file: BinaryIO) -> None:
    """Raise ModelRefused unless HDF5 fills the whole file, and no zip hides in it.

    Reads the superblock (HDF5 File Format Specification, II.A): where the data begins and where it ends.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    begin, end = _extent(file.read(64))
    if begin != 0 or end < size:
        raise ModelRefused(
            f"the HDF5 file has {size:,} bytes and its data lies in bytes {begin:,} to {end:,}: what stands beside it "
            "may be another model; load the file where you trust it and save it again"
        )
    if zipfile.is_zipfile(file):
        raise ModelRefused(
            "the HDF5 file can also be read as a zip archive: it is two models; load it where you trust it and save it "
            "again"
        )


def _extent(start: bytes) -> tuple[int, int]:
    """First and last address of an HDF5 file, as its superblock says; addresses have eight bytes."""
    version = start[8] if len(start) == 64 else -1
    place = {0: 24, 1: 28, 2: 12, 3: 12}.get(version)
    width = start[13 if version in (0, 1) else 9] if place is not None else 0
    if place is None or width != 8:
        raise ModelRefused("the HDF5 file is cut off or damaged: copy it again")
    return int.from_bytes(start[place : place + 8], "little"), int.from_bytes(start[place + 16 : place + 24], "little")


def check_zip(file: BinaryIO, archive: zipfile.ZipFile, what: str = ".keras archive") -> None:
    """Raise ModelRefused unless the archive's members fill the whole file one after another, and none of it is HDF5
    beside them. what: it, for messages.
    """
    size = file.seek(0, os.SEEK_END)
    members = sorted(archive.infolist(), key=lambda member: member.header_offset)
    ends = [*(member.header_offset for member in members[1:]), archive.start_dir]
    at = 0
    data = set()
    for member, end in zip(members, ends, strict=True):
        begin = _data_of(file, member, what)
        data.add(begin)
        rest = end - begin - member.compress_size
        fits = rest in DESCRIPTORS if member.flag_bits & HAS_DESCRIPTOR else rest == 0
        if member.header_offset != at or not fits:
            raise _beside(what, f"around its member {member.filename[:60]!r}")
        at = end
    _check_end(file, at, size, what)
    for offset in _hdf5_places(size):
        file.seek(offset)
        if offset not in data and file.read(len(HDF5_MAGIC)) == HDF5_MAGIC:
            raise _beside(what, f"which begin with HDF5, at byte {offset:,}")


def check_alone(file: BinaryIO, what: str) -> None:
    """Raise ModelRefused where a file, which has no mark at its start, is also a zip archive or HDF5. what: it is."""
    size = file.seek(0, os.SEEK_END)
    other = "a zip archive" if zipfile.is_zipfile(file) else None
    for offset in _hdf5_places(size):
        file.seek(offset)
        if file.read(len(HDF5_MAGIC)) == HDF5_MAGIC:
            other = "HDF5"
    if other:
        raise ModelRefused(
            f"the {what} file can also be read as {other}: it is two models; load it where you trust it and save it "
            "again"
        )


def _data_of(file: BinaryIO, member: zipfile.ZipInfo, what: str) -> int:
    """Where a member's data begins."""
    file.seek(max(0, member.header_offset))  # zipfile takes the directory to be shifted where it is not as long as said
    header = file.read(LOCAL_HEADER)
    if len(header) < LOCAL_HEADER or not header.startswith(ZIP_MAGIC):
        raise ModelRefused(f"the {what} is cut off or damaged: copy it again")
    name, extra = (int.from_bytes(header[place : place + 2], "little") for place in (26, 28))
    return member.header_offset + LOCAL_HEADER + name + extra


def _check_end(file: BinaryIO, directory: int, size: int, what: str) -> None:
    """The directory reaches to the end record, and that to the end of the file, with no comment."""
    file.seek(size - END_RECORD)
    record = file.read(END_RECORD)
    length = int.from_bytes(record[12:16], "little")
    after = size - END_RECORD - directory - length
    if not record.startswith(b"PK\x05\x06") or record[20:] != b"\0\0" or after not in (0, ZIP64_RECORDS):
        raise _beside(what, "before or behind its directory")


def _hdf5_places(size: int) -> Iterator[int]:
    """Where else than at its start HDF5 may begin in a file."""
    offset = FIRST_USER_BLOCK
    while offset < size:
        yield offset
        offset *= 2


def _beside(what: str, where: str) -> ModelRefused:
    return ModelRefused(
        f"the {what} holds bytes {where} that belong to none of its members: they may be another model; load "
        "it where you trust it and save it again"
    )
