"""A safetensors file: the length of a JSON header, the header, the numbers (github.com/huggingface/safetensors)."""

import os
from collections.abc import Mapping
from math import prod
from typing import Any, BinaryIO

from nc_core.errors import ModelRefused
from nc_core.intake.container import check_alone
from nc_core.intake.limits import SAFETENSORS_HEADER, STATE_ARRAYS, within
from nc_core.intake.pytorch.stored import AXES, WIDTHS, Storage, Stored
from nc_core.intake.strict_json import parse
from nc_core.intake.wording import shown

TYPES: Mapping[str, str] = {
    "F32": "float32", "F64": "float64", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
METADATA = "__metadata__"
AGAIN = "copy it again, or save it anew, safetensors.torch.save_file(net.state_dict(), 'weights.safetensors')"


class Safetensors:
    """Its arrays fill the file one after another, from the header to the end."""

    def __init__(self, file: BinaryIO):
        check_alone(file, "safetensors")
        self._file = file
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > size - 8:
            raise _damaged(f"its header is said to have {length:,} bytes, the file has {size:,}")
        within(length, SAFETENSORS_HEADER, "bytes in the header of its safetensors file")
        try:
            header = parse(file.read(length).decode("utf-8"), "header of the safetensors file")
        except UnicodeDecodeError:
            raise _damaged("its header is no UTF-8 text") from None
        header.pop(METADATA, None)
        within(len(header), STATE_ARRAYS, "arrays in its safetensors file")
        self._begin = 8 + length
        self._places: dict[Storage, int] = {}
        self._arrays = {name: self._array(name, entry) for name, entry in header.items()}
        self._check_full(size - self._begin)

    def value(self) -> Mapping[str, Stored]:
        """The arrays by name."""
        return self._arrays

    def read(self, storage: Storage) -> bytes:
        """The bytes of one of them."""
        self._file.seek(self._begin + self._places[storage])
        return self._file.read(storage.size)

    def _array(self, name: str, entry: Any) -> Stored:
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise _damaged(f"array {shown(name)} is {shown(type(entry).__name__)} without dtype, shape, data_offsets")
        kind = TYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
        shape, places = entry["shape"], entry["data_offsets"]
        if kind is None or not _are_sizes(shape) or not _are_sizes(places) or len(places) != 2 or len(shape) > AXES:
            raise _damaged(f"array {shown(name)} has a dtype, a shape or data_offsets that are not read here")
        if places[1] - places[0] != prod(shape) * WIDTHS[kind]:
            raise _damaged(f"array {shown(name)} has as many bytes as its shape and dtype do not")
        storage = Storage(name, kind, prod(shape))
        self._places[storage] = places[0]
        strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
        return Stored(storage, 0, tuple(shape), strides)

    def _check_full(self, size: int) -> None:
        """No gaps, no overlaps, nothing left over."""
        end = 0
        for place, storage in sorted((place, storage.size) for storage, place in self._places.items()):
            if place != end:
                raise _damaged(f"its arrays overlap or leave a gap at byte {min(place, end):,}")
            end += storage
        if end != size:
            raise _damaged(f"its arrays have {end:,} bytes and the file {size:,} for them")


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and 0 <= size < 2**48 for size in value)


def _damaged(what: str) -> ModelRefused:
    return ModelRefused(f"the safetensors file is damaged, {what}: {AGAIN}")
