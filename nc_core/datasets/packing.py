"""A folder, or single pictures, as the one zip in which they travel to the process that reads them."""

import shutil
import stat
import zipfile
from collections.abc import Sequence
from io import SEEK_END
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from nc_core.datasets.archive import SUFFIXES, Entry, folder_entries, picture_entries, shown, zip_reader
from nc_core.datasets.shards import PARQUET, TAR, Shard, are_shards, folder_names, folder_shards
from nc_core.errors import DataRefused


def pack_folder(folder: Path, out: Path | BinaryIO) -> None:
    """Write a folder of pictures, or of shards, as one uncompressed zip; the same files give the same bytes.

    Other files are left out, as they are on reading. Raises DataRefused where there is neither.
    """
    if not folder.is_dir():
        raise DataRefused(f"{shown(folder)} is no folder; pass a folder of pictures with one sub-folder per class")
    if are_shards(folder_names(folder)):
        return _pack_shards(folder_shards(folder), out)
    entries, _ = folder_entries(folder)
    if not entries:
        raise DataRefused(f"{shown(folder)} holds no pictures ({', '.join(SUFFIXES)}) and no shards ({PARQUET}, {TAR})")
    return _pack(entries, out)


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
        Entry(PurePosixPath(PurePosixPath(info.filename).name), info.file_size, zip_reader(archive, info))
        for info in archive.infolist()
    ]


def _pack(entries: Sequence[Entry], out: Path | BinaryIO) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            archive.writestr(_member(entry.place), entry.read())


def _pack_shards(shards: Sequence[Shard], out: Path | BinaryIO) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for shard in shards:
            info = _member(shard.place)
            with shard.open() as source:
                info.file_size = source.seek(0, SEEK_END)  # by which the zip chooses how it writes sizes
                source.seek(0)
                with archive.open(info, "w") as target:
                    shutil.copyfileobj(source, target, 2**20)


def _member(place: PurePosixPath) -> zipfile.ZipInfo:
    """The same bytes at any time, on every system."""
    info = zipfile.ZipInfo(str(place), date_time=(1980, 1, 1, 0, 0, 0))
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.create_system = 3
    return info
