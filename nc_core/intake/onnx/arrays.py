"""Arrays of an ONNX file: the initializers and the constants among its nodes."""

from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nc_core.errors import ModelRefused
from nc_core.intake.onnx.wording import EXPORT, FLOAT32
from nc_core.intake.wording import TWO_MEANINGS, shown

Array = npt.NDArray[Any]


class Stored(NamedTuple):
    """How values of one type are stored: name, dtype of raw_data, the other field, what that one holds."""

    name: str
    raw: str
    field: str
    typed: str


TYPES: Mapping[int, Stored] = {
    1: Stored("float32", "<f4", "float_data", "<f4"),
    6: Stored("int32", "<i4", "int32_data", "<i4"),
    7: Stored("int64", "<i8", "int64_data", "<i8"),
    9: Stored("bool", "|b1", "int32_data", "<i4"),
    10: Stored("float16", "<f2", "int32_data", "<i4"),
    11: Stored("float64", "<f8", "double_data", "<f8"),
}
"""TensorProto.DataType, of those that a float32 net and its shapes are made of."""

NAMES = {2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 8: "text", 12: "uint32", 13: "uint64", 16: "bfloat16"}
FIELDS = ("raw_data", "float_data", "int32_data", "int64_data", "double_data")
AXES = 8
"""Of any array; kernels have four."""


def decoded(tensor: Any, what: str) -> Array:
    """The array of a TensorProto, little-endian; ModelRefused where it is not as long as it says.

    what: it, for messages.
    """
    stored = TYPES.get(tensor.data_type)
    if stored is None:
        kind = NAMES.get(tensor.data_type, f"type {tensor.data_type}")
        raise ModelRefused(f"{what} is of {kind}; read here are nets of float32: {FLOAT32}")
    if tensor.data_location != 0:
        raise ModelRefused(f"{what} lies in another file, and one file is read: {EXPORT} into one file")
    shape = tuple(tensor.dims)
    if len(shape) > AXES or min(shape, default=1) < 0:
        raise ModelRefused(f"{what} has the shape {shown(shape)}; read here are up to {AXES} axes: {EXPORT}")
    used = [field for field in FIELDS if len(getattr(tensor, field))]
    if len(used) > 1:
        raise ModelRefused(f"{what} has its values twice, as {' and '.join(used)}: {TWO_MEANINGS}")
    values = _values(tensor, stored, used, what)
    if values.size != prod(shape):
        raise ModelRefused(f"{what} holds {values.size:,} values and the shape {shown(shape)}: {EXPORT}")
    return values.reshape(shape)


def _values(tensor: Any, stored: Stored, used: list[str], what: str) -> Array:
    if not used:
        return np.zeros(0, stored.raw)
    if used == ["raw_data"]:
        raw = tensor.raw_data
        if len(raw) % np.dtype(stored.raw).itemsize:
            raise ModelRefused(f"{what} has {len(raw):,} bytes, no whole number of {stored.name}: {EXPORT}")
        return _truths(np.frombuffer(raw, stored.raw), what)
    if used != [stored.field]:
        raise ModelRefused(f"{what} is of {stored.name} and has its values as {used[0]}: {EXPORT}")
    field = getattr(tensor, stored.field)
    typed = np.fromiter(field, stored.typed, len(field))
    if stored.name == "float16":
        return _narrow(typed, 2**16, what).astype("<u2").view("<f2")
    return _narrow(typed, 2, what).astype("|b1") if stored.name == "bool" else typed


def _truths(values: Array, what: str) -> Array:
    if values.dtype == bool:
        _narrow(values.view(np.uint8), 2, what)
    return values


def _narrow(values: Array, end: int, what: str) -> Array:
    if values.size and not (values.min() >= 0 and values.max() < end):
        raise ModelRefused(f"{what} holds numbers that its type has not: {EXPORT}")
    return values
