"""Shards: files of many encoded pictures each, Parquet or WebDataset, alone, in a folder or in the zip of one."""

import zipfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from io import SEEK_END
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, cast

from nc_core.datasets.archive import SUFFIXES, Entry, is_hidden, shown, written
from nc_core.datasets.budget import check_decoded
from nc_core.errors import DataRefused

PARQUET, TAR = ".parquet", ".tar"
MAX_SHARDS = 10_000
LABELS = ("label", "labels", "fine_label", "target", "cls", "class")
"""What the label is called: a column of a Parquet file, a field of a WebDataset sample's .json."""
PARQUET_MAGIC = (b"PAR1", b"PARE")
"""The second is that of a file whose footer is encrypted."""
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
_NAMES_END = 2**20


class Shard(NamedTuple):
    """One file of pictures: its place below the root, and what opens it."""

    place: PurePosixPath
    open: Callable[[], BinaryIO]


class Content(NamedTuple):
    """What a shard holds, in its order.

    entries: its pictures. labels: a number each, None where it has none or none are wanted. names: of the labels 0 to
    N - 1, as the shard declares them, or (). others: how many further things in it were left out.
    """

    entries: Sequence[Entry]
    labels: Sequence[int] | None
    names: tuple[str, ...] = ()
    others: int = 0


def are_shards(names: Iterable[str]) -> bool:
    """Whether files of these names are shards: some are, and none is a picture."""
    suffixes = {place.suffix.lower() for place in map(PurePosixPath, names) if not is_hidden(place)}
    return not suffixes.isdisjoint((PARQUET, TAR)) and suffixes.isdisjoint(SUFFIXES)


def folder_names(folder: Path) -> list[str]:
    """The files in and below a folder, by their places in it."""
    return [written(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file()]


def folder_shards(folder: Path) -> list[Shard]:
    """The shards in and below a folder, sorted by place; raises DataRefused as `zip_shards` does."""
    return _sorted(
        Shard(PurePosixPath(written(path.relative_to(folder).as_posix())), partial(_file, path))
        for path in folder.rglob("*")
        if path.is_file()
    )


def zip_shards(archive: zipfile.ZipFile) -> list[Shard]:
    """The same for an open zip; raises DataRefused over the limits, or where there are shards of both kinds."""
    return _sorted(
        Shard(PurePosixPath(info.filename), partial(_member, archive, info))
        for info in archive.infolist()
        if info.filename and not info.is_dir()
    )


def may_hold_parquet(file: BinaryIO) -> bool:
    """Whether a file is, or may be a zip of, Parquet: a few letters are looked for, and nothing is read as anything."""
    file.seek(0)
    if file.read(4) in PARQUET_MAGIC:
        return True
    file.seek(max(0, file.seek(0, SEEK_END) - _NAMES_END))  # where a zip has the names of its members
    return PARQUET.encode() in file.read(_NAMES_END).lower()


def _file(path: Path) -> BinaryIO:
    return path.open("rb")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    check_decoded((info.file_size,), "u1", f"the shard {shown(PurePosixPath(info.filename))}", info.compress_size)
    return cast(BinaryIO, archive.open(info))


def _sorted(found: Iterable[Shard]) -> list[Shard]:
    shards = [each for each in found if each.place.suffix.lower() in (PARQUET, TAR) and not is_hidden(each.place)]
    if len(shards) > MAX_SHARDS:
        raise DataRefused(f"there are {len(shards)} shards, the limit is {MAX_SHARDS}; pass fewer")
    if len({shard.place.suffix.lower() for shard in shards}) > 1:
        raise DataRefused(
            f"there are {PARQUET} and {TAR} files, so which of them are the data is not known; pass one kind"
        )
    return sorted(shards, key=lambda shard: shard.place.parts)
