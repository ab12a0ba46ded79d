"""Shards -> Images: what all of them hold, decoded as pictures of a folder are."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from nc_core.datasets.archive import shown
from nc_core.datasets.budget import MAX_PICTURES
from nc_core.datasets.images import Images
from nc_core.datasets.labels import to_labels
from nc_core.datasets.layout import Wanted
from nc_core.datasets.pictures import decoded
from nc_core.datasets.shards import PARQUET, Content, Shard, folder_shards, zip_shards
from nc_core.datasets.webdataset import read_webdataset
from nc_core.errors import DataRefused


def read_shard(file: BinaryIO, kind: str, wanted: Wanted, *, labelled: bool) -> Images:
    """An open file of the kind PARQUET or TAR; raises DataRefused."""
    return _images([(PurePosixPath(f"data{kind}"), file)], wanted, labelled=labelled)


def read_shards_folder(folder: Path, wanted: Wanted, *, labelled: bool) -> Images:
    """A folder of shards; raises DataRefused."""
    return _opened(folder_shards(folder), wanted, labelled=labelled)


def read_shards_zip(source: BinaryIO, wanted: Wanted, *, labelled: bool) -> Images:
    """The zip of such a folder, read in place; raises DataRefused."""
    try:
        with zipfile.ZipFile(source) as archive:
            return _opened(zip_shards(archive), wanted, labelled=labelled)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as fault:
        raise DataRefused("the zip file is damaged or encrypted; pack it again") from fault


def _opened(shards: Sequence[Shard], wanted: Wanted, *, labelled: bool) -> Images:
    with ExitStack() as stack:
        files = [(shard.place, stack.enter_context(shard.open())) for shard in shards]
        return _images(files, wanted, labelled=labelled)


def _images(files: Sequence[tuple[PurePosixPath, BinaryIO]], wanted: Wanted, *, labelled: bool) -> Images:
    contents = {place: _content(place, file, labelled=labelled) for place, file in files}
    entries = list(chain.from_iterable(content.entries for content in contents.values()))
    if not entries:
        raise DataRefused("there are no pictures in the data; pass shards with a picture in each row or sample")
    if len(entries) > MAX_PICTURES:
        raise DataRefused(f"there are more than {MAX_PICTURES} pictures, which is the limit; pass fewer")
    labels, names = _labels(contents), _names(contents)
    if labels is not None and names and labels.max() >= len(names):
        at = int(labels.argmax())
        raise DataRefused(
            f"label {labels[at]} of image {at} has no name: the data's metadata names {len(names)} classes; write the "
            "data again, or pass --unlabelled"
        )
    how = "no labels used" if labels is None else "labels are those of its samples"
    pixels, note = decoded(entries, sum(content.others for content in contents.values()), wanted, how)
    return Images(pixels=pixels, labels=labels, note=note, folders=dict(enumerate(names)), declared=bool(names))


def _content(place: PurePosixPath, file: BinaryIO, *, labelled: bool) -> Content:
    if place.suffix.lower() != PARQUET:
        return read_webdataset(file, labelled=labelled)
    try:  # Arrow is large, and few need it. The confined process has it loaded before it is locked in.
        from nc_core.datasets.parquet import read_parquet
    except (ImportError, OSError):
        raise DataRefused(
            "Parquet is read with pyarrow, which is not installed where files are read: install cleanse[parquet] "
            "there, or pass a folder of pictures"
        ) from None
    return read_parquet(file, place, labelled=labelled)


def _labels(contents: Mapping[PurePosixPath, Content]) -> npt.NDArray[np.int32] | None:
    """(N,) of all shards; raises DataRefused where some have none, or one is no class number."""
    without = [place for place, content in contents.items() if content.entries and content.labels is None]
    if len(without) == sum(bool(content.entries) for content in contents.values()):
        return None
    if without:
        raise DataRefused(f"{shown(without[0])} has no labels, other shards have; label all, or pass --unlabelled")
    given = list(chain.from_iterable(content.labels or () for content in contents.values()))
    return to_labels(np.array(given), len(given))


def _names(contents: Mapping[PurePosixPath, Content]) -> tuple[str, ...]:
    """Of the labels; raises DataRefused where the shards declare different ones, or one name twice."""
    (first, names), *others = ((place, content.names) for place, content in contents.items())
    other = next((place for place, those in others if those != names), None)
    if other is not None:
        raise DataRefused(f"{shown(other)} and {shown(first)} name their classes differently; write them alike")
    if len(set(names)) < len(names):
        raise DataRefused(f"two classes are called alike in the metadata of {shown(first)}; rename one of them")
    return names
