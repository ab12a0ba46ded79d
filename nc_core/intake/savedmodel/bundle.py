"""The variables of a SavedModel: arrays by key, in one file (tensorflow/core/protobuf/tensor_bundle.proto)."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core.errors import ModelRefused
from nc_core.intake.floats import finite_floats
from nc_core.intake.options import AXES
from nc_core.intake.savedmodel.crc32c import masked
from nc_core.intake.savedmodel.table import WHAT, read_table
from nc_core.intake.savedmodel.wire import FIXED32, VARINT, Budget, Field, damaged, varint
from nc_core.intake.savedmodel.wording import AGAIN, H5
from nc_core.intake.wording import shown

DATA = "variables.data"
STRING = 7
CHECKSUM, LONGEST = 4, 2**32 - 1
"""Bytes of the checksum of a text's length, and of the longest text whose length has four bytes."""
FLOATS = {1: "<f4", 2: "<f8", 19: "<f2"}
"""Of tensorflow/core/framework/types.proto."""

HEADER = {1: Field("num_shards", VARINT), 2: Field("endianness", VARINT), 3: Field("version")}
ENTRY = {
    1: Field("dtype", VARINT),
    2: Field("shape"),
    3: Field("shard", VARINT),
    4: Field("offset", VARINT),
    5: Field("size", VARINT),
    6: Field("crc32c", FIXED32),
    7: Field("slices", repeated=True),
}
SHAPE = {2: Field("dim", repeated=True), 3: Field("unknown", VARINT)}
DIM = {1: Field("size", VARINT), 2: Field("name")}


@dataclass(frozen=True)
class Variable:
    """An array of the bundle; dtype: TensorFlow's number of it; offset: of its content in the data."""

    key: str
    offset: int
    dtype: int
    shape: tuple[int, ...]
    crc32c: int
    content: memoryview

    def floats(self, what: str) -> npt.NDArray[np.float32]:
        """Its values as finite float32; `what` names it in messages. Raises ModelRefused."""
        if self.dtype not in FLOATS:
            raise ModelRefused(
                f"{what} hold values of TensorFlow's type {self.dtype}; read here are float16, float32 and float64: "
                "save them as float32"
            )
        if prod(self.shape) * np.dtype(FLOATS[self.dtype]).itemsize != len(self.content):
            raise ModelRefused(f"{what} have the shape {self.shape} in {len(self.content):,} bytes: {AGAIN}")
        self._check(self.content)
        return finite_floats(np.frombuffer(self.content, FLOATS[self.dtype]).reshape(self.shape), what)

    def text(self) -> memoryview:
        """The one text that it is: its length, a checksum of that, and then itself.

        The checksum of it all is that of the same with the length in four bytes. Raises ModelRefused.
        """
        if self.dtype != STRING or self.shape:
            raise damaged(WHAT)
        length, begin = varint(self.content, 0, DATA)
        rest = self.content[begin:]
        size = len(rest) - CHECKSUM
        if length != size or size > LONGEST:
            raise damaged(DATA)
        self._check(size.to_bytes(4, "little") + bytes(rest))
        return rest[CHECKSUM:]

    def _check(self, content: bytes | memoryview) -> None:
        if masked(memoryview(content)) != self.crc32c:
            raise damaged(DATA)


class Bundle:
    """All variables by their keys; together they fill the data, none of it twice."""

    def __init__(self, index: memoryview, data: memoryview) -> None:
        self._budget, self._data = Budget(WHAT), data
        table = read_table(index)
        self._check_header(table.pop(b"", None))
        self.variables = {each.key: each for each in (self._variable(key, value) for key, value in table.items())}
        self._check_places()

    def variable(self, key: str) -> Variable:
        """The one of that key. Raises ModelRefused."""
        if key not in self.variables:
            raise ModelRefused(f"{WHAT} of the SavedModel has no variable {shown(key)}: {AGAIN}")
        return self.variables[key]

    def _check_places(self) -> None:
        at = 0
        for offset, size in sorted((each.offset, len(each.content)) for each in self.variables.values()):
            if offset != at:
                raise ModelRefused(f"variables of the SavedModel overlap or leave a gap in {DATA}: {AGAIN}")
            at += size
        if at != len(self._data):
            raise ModelRefused(f"{DATA} has {len(self._data):,} bytes, and its variables fill {at:,}: {AGAIN}")

    def _check_header(self, content: memoryview | None) -> None:
        if content is None:
            raise damaged(WHAT)
        header = self._budget.message(content, HEADER)
        if header.get("num_shards") != 1 or header.get("endianness", 0):
            raise ModelRefused(
                f"the variables of the SavedModel lie in {header.get('num_shards', 0)} files of byte order "
                f"{header.get('endianness', 0)}; read here is one, of little endian: {H5}"
            )

    def _variable(self, key: bytes, content: memoryview) -> Variable:
        name = self._budget.text(memoryview(key))
        entry = self._budget.message(content, ENTRY)
        if entry["slices"] or entry.get("shard", 0):
            raise ModelRefused(f"variable {shown(name)} of the SavedModel lies in several parts: {H5}")
        offset, size = entry.get("offset", 0), entry.get("size", 0)
        if offset + size > len(self._data):
            raise ModelRefused(
                f"variable {shown(name)} of the SavedModel lies in bytes {offset:,} to {offset + size:,} of {DATA}, "
                f"which has {len(self._data):,}: {AGAIN}"
            )
        return Variable(
            key=name,
            offset=offset,
            dtype=entry.get("dtype", 0),
            shape=self._shape(entry.get("shape", memoryview(b""))),
            crc32c=entry.get("crc32c", 0),
            content=self._data[offset : offset + size],
        )

    def _shape(self, content: memoryview) -> tuple[int, ...]:
        shape: dict[str, Any] = self._budget.message(content, SHAPE)
        if shape.get("unknown") or len(shape["dim"]) > AXES:
            raise damaged(WHAT)
        return tuple(self._budget.message(dim, DIM).get("size", 0) for dim in shape["dim"])
