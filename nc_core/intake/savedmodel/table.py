"""The table of a checkpoint's index: keys in order and their values (LevelDB, doc/table_format.md).

Blocks of entries, a block of nothing, a block that says where the others lie, and a footer; after each block its
compression and its checksum. Here they fill the file, one behind the other, so that every reader finds the same
entries, whether it walks through them or looks for one by the places that the blocks name.
"""

from collections.abc import Iterator
from typing import NamedTuple

from nc_core.errors import ModelRefused
from nc_core.intake.limits import SAVED_VARIABLES, within
from nc_core.intake.savedmodel.crc32c import masked
from nc_core.intake.savedmodel.wire import damaged, varint
from nc_core.intake.savedmodel.wording import H5

WHAT = "variables.index"
FOOTER, TRAILER = 48, 5
"""Bytes of the footer, and of what follows each block."""
MAGIC = 0xDB4775248B80FB57


class _Handle(NamedTuple):
    offset: int
    size: int


def read_table(content: memoryview) -> dict[bytes, memoryview]:
    """Its values by their keys. Raises ModelRefused."""
    footer = content[-FOOTER:]
    if len(content) < FOOTER or int.from_bytes(footer[-8:], "little") != MAGIC:
        raise damaged(WHAT)
    nothing, at = _handle(footer, 0)
    index, at = _handle(footer, at)
    if any(footer[at:-8]):
        raise damaged(WHAT)
    listed = [(key, _whole_handle(value)) for key, value in _entries(_block(content, index))]
    if list(_entries(_block(content, nothing))) or not _tiled([*(each for _, each in listed), nothing, index], content):
        raise damaged(WHAT)
    found: dict[bytes, memoryview] = {}
    last: bytes | None = None
    for limit, handle in listed:
        if last is not None and last >= limit:
            raise damaged(WHAT)
        for key, value in _entries(_block(content, handle)):
            if (last is not None and key <= last) or key > limit:
                raise damaged(WHAT)
            last, found[key] = key, value
        within(len(found), SAVED_VARIABLES, "variables in its SavedModel")
        last = limit
    return found


def _handle(content: memoryview, at: int) -> tuple[_Handle, int]:
    offset, at = varint(content, at, WHAT)
    size, at = varint(content, at, WHAT)
    return _Handle(offset, size), at


def _whole_handle(content: memoryview) -> _Handle:
    handle, end = _handle(content, 0)
    if end != len(content):
        raise damaged(WHAT)
    return handle


def _tiled(handles: list[_Handle], content: memoryview) -> bool:
    """Whether blocks of these places and a footer are the whole file."""
    at = 0
    for handle in handles:
        if handle.offset != at:
            return False
        at += handle.size + TRAILER
    return at + FOOTER == len(content)


def _block(content: memoryview, handle: _Handle) -> memoryview:
    """The contents of a block, its checksum being right."""
    end = handle.offset + handle.size
    if end + TRAILER > len(content):
        raise damaged(WHAT)
    if masked(content[handle.offset : end + 1]) != int.from_bytes(content[end + 1 : end + TRAILER], "little"):
        raise damaged(WHAT)
    if content[end] != 0:
        raise ModelRefused(f"{WHAT} of the SavedModel is compressed, which TensorFlow does not do: {H5}")
    return content[handle.offset : end]


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Keys and values; a key may begin as the one before it, except where readers may start."""
    starts, end = _starts(block)
    at, key, count, whole = 0, b"", 0, {0}
    while at < end:
        begin = at
        shared, at = varint(block, at, WHAT)
        own, at = varint(block, at, WHAT)
        length, at = varint(block, at, WHAT)
        if shared > len(key) or at + own + length > end:
            raise damaged(WHAT)
        if shared == 0:
            whole.add(begin)
        count += 1
        within(count, SAVED_VARIABLES, "variables in its SavedModel")
        key = key[:shared] + bytes(block[at : at + own])
        yield key, block[at + own : at + own + length]
        at += own + length
    if not whole.issuperset(starts):
        raise damaged(WHAT)


def _starts(block: memoryview) -> tuple[list[int], int]:
    """Where readers may start in a block, in order from 0 on, and where its entries end."""
    count = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (count + 1)
    if len(block) < 4 or end < 0:
        raise damaged(WHAT)
    within(count, SAVED_VARIABLES + 1, "places to start in the index of its SavedModel")
    starts = [int.from_bytes(block[at : at + 4], "little") for at in range(end, len(block) - 4, 4)]
    if starts[:1] != [0] or sorted(set(starts)) != starts:
        raise damaged(WHAT)
    return starts, end
