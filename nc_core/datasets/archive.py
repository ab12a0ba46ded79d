"""Pictures in folders: on disk, or in the deterministic zip that such a folder travels in."""

import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from nc_core.datasets.budget import MAX_PICTURE_BYTES, MAX_PICTURES
from nc_core.errors import DataRefused

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".webp")


class Entry(NamedTuple):
    """One picture: its place below the root, its encoded size in bytes, and how to read it."""

    place: PurePosixPath
    size: int
    read: Callable[[], bytes]


def folder_entries(folder: Path) -> tuple[list[Entry], int]:
    """The pictures in and below a folder, sorted by place, and how many other files were left out."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return _pictures(
        Entry(PurePosixPath(path.relative_to(folder).as_posix()), path.stat().st_size, path.read_bytes)
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
            raise DataRefused(f"{path}: no such picture")
    entries = [Entry(PurePosixPath(path.name), path.stat().st_size, path.read_bytes) for path in paths]
    for number, entry in enumerate(entries):
        _check(entry, number)
    return entries


def pack_folder(folder: Path, out: Path | BinaryIO) -> None:
    """Write a folder of pictures as one uncompressed zip; the same pictures give the same bytes.

    Other files are left out, as they are on reading. Raises DataRefused where there is no picture.
    """
    if not folder.is_dir():
        raise DataRefused(f"{folder} is no folder; pass a folder of pictures with one sub-folder per class")
    entries, _ = folder_entries(folder)
    if not entries:
        raise DataRefused(f"{folder} holds no pictures ({', '.join(SUFFIXES)})")
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
            f"{entry.place} has {entry.size} bytes, the limit is {MAX_PICTURE_BYTES}; pass smaller pictures"
        )
