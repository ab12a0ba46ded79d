"""Shards as others write them: Parquet by pyarrow, with the metadata of `datasets`; tars by the standard library."""

import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def encoded(pixels: npt.NDArray[np.uint8], form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def features(label: str = "label", image: str = "image", names: Sequence[str] | None = None) -> dict[bytes, bytes]:
    """The schema metadata of `datasets`; names: of a ClassLabel."""
    of_label = {"dtype": "int64", "_type": "Value"} if names is None else {"names": [*names], "_type": "ClassLabel"}
    told = {"info": {"features": {image: {"_type": "Image"}, label: of_label}}}
    return {b"huggingface": json.dumps(told).encode()}


def table(
    pictures: Sequence[bytes | None],
    labels: Sequence[int | None] | None,
    *,
    names: Sequence[str] | None = None,
    image: str = "image",
    label: str = "label",
    kind: Any = None,
) -> pa.Table:
    """kind: of the column of pictures; None: the struct of bytes and path."""
    if kind is None:
        rows: list[Any] = [{"bytes": picture, "path": f"{n}.png"} for n, picture in enumerate(pictures)]
        kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    else:
        rows = [*pictures]
    columns = {image: pa.array(rows, kind)} | ({} if labels is None else {label: pa.array(labels, pa.int64())})
    return pa.table(columns).replace_schema_metadata(features(label, image, names))


def write_parquet(path: Path, content: pa.Table, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(content, path, **options)
    return path


def write_tar(path: Path, members: Iterable[tuple[str | tarfile.TarInfo, bytes]], **options: Any) -> Path:
    """Members in their order, by name or with a header of their own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", **options) as archive:
        for named, content in members:
            info = tarfile.TarInfo(named) if isinstance(named, str) else named
            if isinstance(named, str):
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def samples(pictures: Sequence[bytes], labels: Sequence[int] | None, suffix: str = "png") -> list[tuple[str, bytes]]:
    """KEY.png and KEY.cls of each."""
    found = []
    for number, picture in enumerate(pictures):
        found.append((f"{number:06}.{suffix}", picture))
        found += [] if labels is None else [(f"{number:06}.cls", b"%d" % labels[number])]
    return found
