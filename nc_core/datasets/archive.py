"""Pictures in folders: on disk, or in the deterministic zip that such a folder travels in.

A name of the file system is any bytes: as a place it is text that UTF-8 can write, and two names stay two places.
"""

import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO, NamedTuple

from nc_core.datasets.budget import MAX_PICTURE_BYTES, MAX_PICTURES
from nc_core.errors import DataRefused

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".webp")

SHOWN = 200
"""Characters of a place in a message."""


class Entry(NamedTuple):
    """One picture: its place below the root, as text (`written`), its encoded size in bytes, and how to read it."""

    place: PurePosixPath
    size: int
    read: Callable[[], bytes]


def written(name: str) -> str:
    """A name of the file system as text: bytes that are no UTF-8 become `\\xff`.

    Backslashes are doubled where such a text is, or might be meant, so that no two names become one.
    """
    raw = os.fsencode(name)
    text = raw.decode("utf-8", "replace")
    if "\ufffd" not in text and "\\x" not in text:
        return text
    return raw.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def shown(place: PurePath) -> str:
    """A place in a message: on one line, its end where it is long."""
    text = str(place)[-SHOWN:]
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def folder_entries(folder: Path) -> tuple[list[Entry], int]:
    """The pictures in and below a folder, sorted by place, and how many other files were left out."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return _pictures(
        Entry(PurePosixPath(written(path.relative_to(folder).as_posix())), path.stat().st_size, path.read_bytes)
        for path in found
    )


def zip_entries(archive: zipfile.ZipFile) -> tuple[list[Entry], int]:
    """The same for an open zip; one outer folder around everything is taken off."""
    entries, others = _pictures(
        Entry(PurePosixPath(info.filename), info.file_size, _reader(archive, info))
        for info in archive.infolist()
        if info.filename and not info.is_dir()
    )
    if entries and len({entry.place.parts[0] for entry in entries}) == 1 and len(entries[0].place.parts) == 3:
        entries = [entry._replace(place=entry.place.relative_to(entry.place.parts[0])) for entry in entries]
    return entries, others


def picture_entries(paths: Sequence[Path]) -> list[Entry]:
    """Single pictures in their order; raises DataRefused where one is missing or too large."""
    for path in paths:
        if not path.is_file():
            raise DataRefused(f"{shown(path)}: no such picture; pass the path of a picture")
    entries = [Entry(PurePosixPath(written(path.name)), path.stat().st_size, path.read_bytes) for path in paths]
    for number, entry in enumerate(entries):
        _check(entry, number)
    return entries


def pack_folder(folder: Path, out: Path | BinaryIO) -> None:
    """Write a folder of pictures as one uncompressed zip; the same pictures give the same bytes.

    Other files are left out, as they are on reading. Raises DataRefused where there is no picture.
    """
    if not folder.is_dir():
        raise DataRefused(f"{shown(folder)} is no folder; pass a folder of pictures with one sub-folder per class")
    entries, _ = folder_entries(folder)
    if not entries:
        raise DataRefused(f"{shown(folder)} holds no pictures ({', '.join(SUFFIXES)})")
    _pack(entries, out)


def pack_pictures(paths: Sequence[Path], out: BinaryIO) -> None:
    """Write single pictures as one zip that keeps their order; raises DataRefused as `picture_entries` does."""
    _pack(
        [
            entry._replace(place=PurePosixPath(str(number)) / entry.place)
            for number, entry in enumerate(picture_entries(paths))
        ],
        out,
    )


def packed_entries(archive: zipfile.ZipFile) -> list[Entry]:
    """What `pack_pictures` put into a zip."""
    return [
        Entry(PurePosixPath(PurePosixPath(info.filename).name), info.file_size, _reader(archive, info))
        for info in archive.infolist()
    ]


def _pack(entries: list[Entry], out: Path | BinaryIO) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            info = zipfile.ZipInfo(str(entry.place), date_time=(1980, 1, 1, 0, 0, 0))
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.create_system = 3  # the same bytes on every system
            archive.writestr(info, entry.read())


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    return lambda: archive.read(info)


def _pictures(entries: Iterator[Entry]) -> tuple[list[Entry], int]:
    """Sort out hidden files and what is no picture; raises DataRefused over the limits."""
    pictures: list[Entry] = []
    others = 0
    for entry in entries:
        if any(part.startswith((".", "__MACOSX")) for part in entry.place.parts):
            continue
        if entry.place.suffix.lower() not in SUFFIXES:
            others += 1
            continue
        _check(entry, len(pictures))
        pictures.append(entry)
    return sorted(pictures, key=lambda entry: entry.place.parts), others


def _check(entry: Entry, before: int) -> None:
    if before >= MAX_PICTURES:
        raise DataRefused(f"there are more than {MAX_PICTURES} pictures, which is the limit; pass fewer")
    if entry.size > MAX_PICTURE_BYTES:
        raise DataRefused(
            f"{shown(entry.place)} has {entry.size} bytes, the limit is {MAX_PICTURE_BYTES}; pass smaller pictures"
        )
