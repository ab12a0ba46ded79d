"""Parquet as Hugging Face's `datasets` and pandas write it: a column of encoded pictures and one of labels.

Read by Apache Arrow, in the confined process alone: a container of compressed pages in a dozen encodings is no format
to be written anew. No thread is started, and what is held is one column's pages and a few rows of it.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from io import SEEK_END
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import pyarrow as arrow
import pyarrow.parquet

from nc_core.datasets.archive import Entry, on_one_line, shown
from nc_core.datasets.budget import MAX_PICTURE_BYTES, MAX_PICTURES, check_decoded
from nc_core.datasets.images import FOLDER_CHARACTERS, MAX_FOLDERS
from nc_core.datasets.shards import LABELS, Content
from nc_core.errors import DataRefused

IMAGES = ("image", "img")
"""What the column of pictures is called."""
ROWS = 16
"""Of pictures that are held at a time."""
METADATA = b"huggingface"
"""The key of the schema's metadata under which `datasets` keeps the features of the columns, as JSON."""


def read_parquet(file: BinaryIO, place: PurePosixPath, *, labelled: bool) -> Content:
    """The rows of an open Parquet file. place: what it is called. Raises DataRefused."""
    return _guarded(partial(_content, file, place, labelled=labelled))


def _guarded(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except MemoryError:  # Arrow's own is one of its exceptions, too
        raise
    except (arrow.ArrowException, OSError, ValueError, OverflowError, EOFError, RecursionError) as fault:
        raise DataRefused("the Parquet file is damaged, cut short or encrypted; write it again, unencrypted") from fault


def _content(file: BinaryIO, place: PurePosixPath, *, labelled: bool) -> Content:
    opened = pyarrow.parquet.ParquetFile(arrow.PythonFile(file, "r"), pre_buffer=False)
    schema, rows = opened.schema_arrow, opened.metadata.num_rows
    if rows > MAX_PICTURES:
        raise DataRefused(f"{shown(place)} has {rows} rows, the limit is {MAX_PICTURES} pictures; pass fewer")
    size = file.seek(0, SEEK_END)
    pictures = _Pictures(opened, _picture_column(schema, place), place, size)
    label = _one_of(schema, LABELS, "label", place) if labelled else None
    return Content(
        entries=[
            Entry(place / f"row {row}", size // max(1, rows), partial(_guarded, partial(pictures.at, row)))
            for row in range(rows)
        ],
        labels=None if label is None else _labels(opened, label, place),
        names=() if label is None else _names(schema, label),
    )


def _one_of(schema: Any, names: tuple[str, ...], what: str, place: PurePosixPath) -> str | None:
    """The only column with one of these names, None without one; raises DataRefused where there are several."""
    found = [name for name in schema.names if name in names]
    if len(found) > 1:
        raise DataRefused(
            f"{shown(place)} has the columns {', '.join(found)}, so which holds the {what}s is not known; leave one"
        )
    return found[0] if found else None


def _picture_column(schema: Any, place: PurePosixPath) -> str:
    """The path of the leaf that holds encoded pictures."""
    name = _one_of(schema, IMAGES, "picture", place)
    if name is None:
        columns = on_one_line(", ".join(schema.names)[:200]) or "nothing"
        raise DataRefused(
            f"the columns of {shown(place)} are {columns}; expected {' or '.join(IMAGES)}, with encoded pictures"
        )
    kind = schema.field(name).type
    inner = kind.field("bytes").type if _is_struct(kind) and kind.get_field_index("bytes") >= 0 else kind
    if not (arrow.types.is_binary(inner) or arrow.types.is_large_binary(inner)):
        raise DataRefused(
            f"{shown(place)}: the column {name} is of the type {_told(kind)}; expected encoded pictures, as binary or "
            "as a struct of bytes and path"
        )
    return name if inner is kind else f"{name}.bytes"


class _Pictures:
    """The pictures of a file, for whoever asks for them in their order: a few rows are held at a time."""

    def __init__(self, opened: Any, column: str, place: PurePosixPath, size: int) -> None:
        self._opened, self._column, self._place = opened, column, place
        self._batches: Iterator[Any] = iter(())
        self._start, self._unpacked = 0, 0
        self._held: Any = None
        self._stored = size
        groups = (opened.metadata.row_group(group) for group in range(opened.metadata.num_row_groups))
        self._check(sum(group.total_byte_size for group in groups))

    def at(self, row: int) -> bytes:
        """The picture of a row; raises DataRefused where it has none."""
        if self._held is None or row < self._start:
            self._batches = self._opened.iter_batches(batch_size=ROWS, columns=[self._column], use_threads=False)
            self._start, self._held, self._unpacked = 0, [], 0
        while row >= self._start + len(self._held):
            self._start += len(self._held)
            self._held = self._next()
        picture = self._held[row - self._start].as_py()
        if picture is None:
            raise DataRefused(
                f"{shown(self._place)}: row {row} has no bytes; store the pictures themselves, not their paths"
            )
        if len(picture) > MAX_PICTURE_BYTES:
            raise DataRefused(
                f"{shown(self._place)}: the picture of row {row} has {len(picture)} bytes, the limit is "
                f"{MAX_PICTURE_BYTES}; pass smaller pictures"
            )
        return bytes(picture)

    def _next(self) -> Any:
        batch = next(self._batches, None)
        if batch is None:
            raise EOFError("fewer rows than declared")
        if batch.num_columns != 1:
            raise ValueError("another column goes by the same path")
        column = batch.column(0)
        values = column.flatten()[0] if _is_struct(column.type) else column
        self._unpacked += values.nbytes
        self._check(self._unpacked)
        return values

    def _check(self, unpacked: int) -> None:
        check_decoded((unpacked,), "u1", f"the Parquet file {shown(self._place)}", self._stored)


def _labels(opened: Any, name: str, place: PurePosixPath) -> list[int]:
    kind = opened.schema_arrow.field(name).type
    if not arrow.types.is_integer(kind):
        raise DataRefused(
            f"{shown(place)}: the column {name} is of the type {_told(kind)}; expected whole numbers, which "
            f"`dataset.class_encode_column({name!r})` makes of names, or pass --unlabelled"
        )
    column = opened.read(columns=[name], use_threads=False).column(name)
    if column.null_count:
        raise DataRefused(
            f"{shown(place)}: {column.null_count} of {len(column)} rows have no {name}; write one for each, or pass "
            "--unlabelled"
        )
    if len(column) != opened.metadata.num_rows:
        raise ValueError("another number of labels than of rows")
    return list(column.to_pylist())


def _names(schema: Any, label: str) -> tuple[str, ...]:
    """The names of the classes, as `datasets` keeps those of a ClassLabel; () where it says nothing of them."""
    try:
        feature = json.loads((schema.metadata or {})[METADATA])["info"]["features"][label]
        names = feature["names"] if feature["_type"] == "ClassLabel" else []
    except (KeyError, TypeError):
        return ()
    if not isinstance(names, list) or len(names) > MAX_FOLDERS or not all(isinstance(name, str) for name in names):
        raise DataRefused(
            f"the names of the classes in the Parquet file's metadata are no list of at most {MAX_FOLDERS} texts; "
            "write the file again"
        )
    return tuple(on_one_line(name[:FOLDER_CHARACTERS]) for name in names)


def _is_struct(kind: Any) -> bool:
    return bool(arrow.types.is_struct(kind))


def _told(kind: Any) -> str:
    return on_one_line(str(kind)[:80])
