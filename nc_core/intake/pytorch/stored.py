"""Where an array of a file of weights lies, and its values once they are asked for."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from nc_core.errors import ModelRefused
from nc_core.intake.pytorch.wording import AGAIN, PLAIN
from nc_core.intake.wording import shown

Floats = npt.NDArray[np.float32]

AXES = 8
"""Of any array; kernels have four."""

WIDTHS: Mapping[str, int] = {
    "float32": 4, "float64": 8, "float16": 2, "bfloat16": 2,
    "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "bool": 1,
}  # fmt: skip
"""Types of numbers that a file may hold, and the bytes of one."""

FLOATS = ("float32", "float64", "float16", "bfloat16")
"""Those that become float32, as `load_state_dict` makes them."""


@dataclass(frozen=True)
class Storage:
    """A row of numbers of one type in a file. key: what the file calls it; count: of the numbers."""

    key: str
    type: str
    count: int

    @property
    def size(self) -> int:
        """In bytes."""
        return self.count * WIDTHS[self.type]


@dataclass(frozen=True)
class Stored:
    """An array within a storage: number (i, j, ...) is that at offset + i * strides[0] + j * strides[1] + ..."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def count(self) -> int:
        """Of its numbers."""
        return prod(self.shape)


Read = Callable[[Storage], bytes]
State = Mapping[str, Stored]
"""A state dict: arrays by the names that the net's modules give them."""


def check_place(array: Stored, what: str) -> Stored:
    """Raise ModelRefused unless the array lies densely within its storage, in some order of its axes.

    So no number stands for two, and an array is no larger than what the file holds. what: it, for messages.
    """
    if len(array.shape) > AXES or len(array.shape) != len(array.strides):
        raise ModelRefused(
            f"{what} has {len(array.shape)} sizes and {len(array.strides)} strides; read are up to {AXES} of each: "
            f"{AGAIN}"
        )
    wide = sorted((stride, size) for size, stride in zip(array.shape, array.strides, strict=True) if size > 1)
    dense, step = True, 1
    for stride, size in wide:
        dense, step = dense and stride == step, step * size
    if min(array.shape, default=1) < 1 or not dense:
        raise ModelRefused(
            f"{what} has the shape {shown(array.shape)} with strides {shown(array.strides)}, and is no array without "
            f"gaps, repetitions or empty axes: {PLAIN}, each array .contiguous()"
        )
    if array.offset < 0 or array.offset + array.count > array.storage.count:
        raise ModelRefused(
            f"{what} is {array.count:,} numbers from {array.offset:,} on, and its storage holds "
            f"{array.storage.count:,}: {AGAIN}"
        )
    return array


def check_apart(arrays: Iterable[Stored]) -> None:
    """Raise ModelRefused where arrays together take more of a storage than it holds, and so share numbers."""
    taken: dict[Storage, int] = {}
    for array in arrays:
        taken[array.storage] = taken.get(array.storage, 0) + array.count
    for storage, count in taken.items():
        if count > storage.count:
            raise ModelRefused(
                f"arrays of the state dict share their numbers: {count:,} are taken of {storage.count:,}, and no "
                f"architecture that is read has shared weights: {PLAIN}"
            )


def values(array: Stored, read: Read, what: str) -> Floats:
    """The array as float32; ModelRefused where its type is none of floats."""
    if array.storage.type not in FLOATS:
        raise ModelRefused(f"{what} is of {array.storage.type}; weights are floats: {PLAIN}")
    row = _decoded(read(array.storage), array.storage.type)[array.offset : array.offset + array.count]
    order = sorted(range(len(array.shape)), key=lambda axis: (-array.strides[axis], axis))
    dense = row.reshape([array.shape[axis] for axis in order])
    return np.ascontiguousarray(dense.transpose([order.index(axis) for axis in range(len(order))]))


def _decoded(content: bytes, kind: str) -> Floats:
    """Little-endian numbers as float32; what is too large for that becomes infinite."""
    if kind == "bfloat16":
        return (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        return np.frombuffer(content, {"float32": "<f4", "float64": "<f8", "float16": "<f2"}[kind]).astype(np.float32)
