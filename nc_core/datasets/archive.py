"""Pictures in folders: on disk, or in a zip.

A name of the file system is any bytes: as a place it is text that UTF-8 can write, and two names stay two places.
"""

import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple

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
    return on_one_line(str(place)[-SHOWN:])


def on_one_line(text: str) -> str:
    """With what cannot be printed written out."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def is_hidden(place: PurePosixPath) -> bool:
    """Whether a place is one of those that systems keep beside people's files."""
    return any(part.startswith((".", "__MACOSX")) for part in place.parts)


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
        Entry(PurePosixPath(info.filename), info.file_size, zip_reader(archive, info))
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
        check_entry(entry, number)
    return entries


def zip_reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    """What reads a member, each time anew."""
    return lambda: archive.read(info)


def _pictures(entries: Iterator[Entry]) -> tuple[list[Entry], int]:
    """Sort out hidden files and what is no picture; raises DataRefused over the limits."""
    pictures: list[Entry] = []
    others = 0
    for entry in entries:
        if is_hidden(entry.place):
            continue
        if entry.place.suffix.lower() not in SUFFIXES:
            others += 1
            continue
        check_entry(entry, len(pictures))
        pictures.append(entry)
    return sorted(pictures, key=lambda entry: entry.place.parts), others


def check_entry(entry: Entry, before: int) -> None:
    """Raise DataRefused where so many pictures came before this one, or it is so large, that it is over the limits."""
    if before >= MAX_PICTURES:
        raise DataRefused(f"there are more than {MAX_PICTURES} pictures, which is the limit; pass fewer")
    if entry.size > MAX_PICTURE_BYTES:
        raise DataRefused(
            f"{shown(entry.place)} has {entry.size} bytes, the limit is {MAX_PICTURE_BYTES}; pass smaller pictures"
        )
