"""Arrays and one text as a safetensors file: streamed out, mapped in, every byte of it accounted for."""

import json
import mmap
from collections.abc import Iterator, Mapping
from hashlib import file_digest
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

_TYPES = {"F32": np.float32, "I32": np.int32, "I64": np.int64, "U8": np.uint8}
_NAMES = {np.dtype(dtype): name for name, dtype in _TYPES.items()}
_KEY = "cleanse"
HEADER_BYTES = 96 * 2**20
"""Of the JSON before the arrays; safetensors' own reader stops at 100 MB."""
AXES = 8

Arrays = dict[str, npt.NDArray[Any]]


def write(file: BinaryIO, arrays: Mapping[str, npt.NDArray[Any]], text: str) -> None:
    """Write float32, int32, int64 and uint8 arrays and a text; the same content gives the same bytes."""
    # Largest items first, so that every array lies at a multiple of its item's size.
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    header: dict[str, Any] = {"__metadata__": {_KEY: text}}
    end = 0
    for name, array in ordered:
        start, end = end, end + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": array.shape, "data_offsets": [start, end]}
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    file.write(len(encoded).to_bytes(8, "little") + encoded)
    for _, array in ordered:
        file.write(np.ascontiguousarray(array).data)


def save(path: Path, arrays: Mapping[str, npt.NDArray[Any]], text: str) -> str:
    """Write a file; returns its sha256 in hex."""
    with path.open("wb") as file:
        write(file, arrays, text)
    return sha256_of(path)


def sha256_of(path: Path) -> str:
    """In hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def read(file: BinaryIO) -> tuple[Arrays, str]:
    """The arrays, as read-only views of one mapping of the file, and the text.

    Raises ValueError for every file that `write` would not have written: another type of array, gaps, overlaps or
    bytes left over, a header that is too long. Nothing is allocated by what the header says.
    """
    size = file.seek(0, 2)
    if size < 8:
        raise ValueError(f"{size} bytes are no safetensors file")
    with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as whole:
        length = int.from_bytes(whole[:8], "little")
        if length > min(HEADER_BYTES, size - 8):
            raise ValueError(f"the header is said to have {length} bytes, the file has {size}")
        header = _parsed(whole[8 : 8 + length])
    text = header.pop("__metadata__", None)
    if not isinstance(text, dict) or not isinstance(text.get(_KEY), str):
        raise ValueError("the header holds no text of this project")
    arrays = dict(_views(file, header, 8 + length, size))
    return arrays, text[_KEY]


def _parsed(encoded: bytes) -> dict[str, Any]:
    try:
        header = json.loads(encoded)
    except RecursionError:
        raise ValueError("the header is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    return header


def _views(file: BinaryIO, header: dict[str, Any], start: int, size: int) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    data = np.frombuffer(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ), np.uint8, offset=start)
    end = 0
    for name, (dtype, shape, offsets) in sorted(
        ((name, _entry(entry)) for name, entry in header.items()), key=lambda item: item[1][2]
    ):
        begin, after = offsets
        if begin != end or after - begin != prod(shape) * dtype.itemsize or after > len(data):
            raise ValueError("an array does not lie where the one before it ends")
        end = after
        yield name, data[begin:after].view(dtype).reshape(shape)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes belong to no array")


def _entry(entry: Any) -> tuple[np.dtype[Any], tuple[int, ...], tuple[int, int]]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError("an entry of the header has other keys")
    shape, offsets, name = entry["shape"], entry["data_offsets"], entry["dtype"]
    if not isinstance(name, str) or name not in _TYPES:
        raise ValueError("an array has a type of another program")
    if not _counts(shape) or len(shape) > AXES or not _counts(offsets) or len(offsets) != 2:
        raise ValueError("a shape or a place in the file is no list of whole numbers")
    return np.dtype(_TYPES[name]), tuple(shape), (offsets[0], offsets[1])


def _counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)
