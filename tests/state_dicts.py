"""PyTorch files and safetensors files written by hand, byte by byte, with neither PyTorch nor Python's pickler.

A pickle is written as a list of instructions, so that every one of them can be another than PyTorch's.
"""

import io
import json
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
State = Mapping[str, Array]

STORAGES = {
    "<f4": "FloatStorage", "<f8": "DoubleStorage", "<f2": "HalfStorage", "<i8": "LongStorage", "|u1": "ByteStorage",
}  # fmt: skip
SAFETENSORS = {"<f4": "F32", "<f8": "F64", "<f2": "F16", "<i8": "I64", "|u1": "U8"}


def text(value: str) -> bytes:
    """BINUNICODE."""
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def whole(value: int) -> bytes:
    """BININT, or LONG1 where it takes more."""
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    encoded = value.to_bytes(8, "little", signed=True)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def name(module: str, attribute: str) -> bytes:
    """GLOBAL."""
    return b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"


def group(*parts: bytes) -> bytes:
    """A tuple."""
    return b"(" + b"".join(parts) + b"t"


ORDERED = name("collections", "OrderedDict") + b")R"
REBUILD = name("torch._utils", "_rebuild_tensor_v2")


def storage(key: str, kind: str, count: int, device: str = "cpu") -> bytes:
    """A persistent id."""
    return group(text("storage"), name("torch", kind), text(key), text(device), whole(count)) + b"Q"


def tensor(
    key: str, kind: str, count: int, shape: Sequence[int], strides: Sequence[int] | None = None, offset: int = 0
) -> bytes:
    """A call of _rebuild_tensor_v2; strides: row by row unless given."""
    rows = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))] if strides is None else strides
    sizes = [group(*(whole(number) for number in numbers)) for numbers in (shape, rows)]
    return REBUILD + group(storage(key, kind, count), whole(offset), *sizes, b"\x89", ORDERED) + b"R"


def mapping(entries: Mapping[str, bytes], start: bytes = ORDERED) -> bytes:
    """A dict of values that are instructions already."""
    return start + b"(" + b"".join(text(key) + value for key, value in entries.items()) + b"u"


def tensors(state: State, first: int = 0) -> dict[str, bytes]:
    """Instructions for each array; storages are counted from `first`."""
    return {
        key: tensor(str(first + number), STORAGES[array.dtype.str], array.size, array.shape)
        for number, (key, array) in enumerate(state.items())
    }


def program(value: bytes) -> bytes:
    """A pickle of protocol 2."""
    return b"\x80\x02" + value + b"."


def storages(state: State, first: int = 0) -> dict[str, bytes]:
    """The members that hold the numbers."""
    return {f"data/{first + number}": array.tobytes() for number, array in enumerate(state.values())}


def archive(members: Mapping[str, bytes], top: str = "archive", method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of these within one folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for member, content in members.items():
            file.writestr(f"{top}/{member}" if top else member, content)
    return buffer.getvalue()


def members_of(pickle: bytes, numbers: Mapping[str, bytes]) -> dict[str, bytes]:
    """What PyTorch puts into a file, beside a pickle and the numbers."""
    return {"data.pkl": pickle, "byteorder": b"little", **numbers, "version": b"3\n"}


def pytorch(state: State) -> bytes:
    """As `torch.save(net.state_dict(), ...)` writes."""
    attributes = b"}" + text("_metadata") + ORDERED + b"sb"
    return archive(members_of(program(mapping(tensors(state)) + attributes), storages(state)))


def checkpoint(entries: Mapping[str, Any]) -> bytes:
    """As `torch.save({...}, ...)` writes: arrays by name are state dicts, bytes are instructions."""
    values: dict[str, bytes] = {}
    numbers: dict[str, bytes] = {}
    for key, value in entries.items():
        if isinstance(value, bytes):
            values[key] = value
        else:
            values[key] = mapping(tensors(value, len(numbers)))
            numbers |= storages(value, len(numbers))
    return archive(members_of(program(mapping(values, b"}")), numbers))


def safetensors(state: State, metadata: Mapping[str, str] | None = None) -> bytes:
    """As `safetensors.torch.save_file` writes."""
    return header_and(
        dict(_entries(state)) | ({"__metadata__": dict(metadata)} if metadata else {}),
        b"".join(array.tobytes() for array in state.values()),
    )


def header_and(header: Any, numbers: bytes) -> bytes:
    """A header of anything before the numbers."""
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + numbers


def _entries(state: State) -> Iterator[tuple[str, dict[str, Any]]]:
    at = 0
    for key, array in state.items():
        yield (
            key,
            {
                "dtype": SAFETENSORS[array.dtype.str],
                "shape": list(array.shape),
                "data_offsets": [at, at + array.nbytes],
            },
        )
        at += array.nbytes
