"""CRC-32C (Castagnoli; RFC 3720, B.4) as TensorFlow stores it, masked, of arrays of any length at NumPy's speed."""

from functools import cache, lru_cache
from math import isqrt

import numpy as np
import numpy.typing as npt

POLYNOMIAL = 0x82F63B78
ALL = 0xFFFFFFFF
MASK = 0xA282EAD8
PIECE = 2**20
"""Bytes that are looked at at once, which a processor's cache holds."""


def masked(content: memoryview) -> int:
    """The checksum of the bytes, rotated and shifted as LevelDB does where a checksum lies beside what it is of."""
    crc = crc32c(content)
    return (((crc >> 15) | (crc << 17)) + MASK) & ALL


def crc32c(content: memoryview) -> int:
    """The checksum of the bytes."""
    state = ALL
    for begin in range(0, len(content), PIECE):
        state = _after(state, content[begin : begin + PIECE])
    return state ^ ALL


def _after(state: int, piece: memoryview) -> int:
    """The state behind a piece: of rows of equal length side by side, then joined, as a CRC is linear in its bits."""
    length = isqrt(len(piece)) + 1
    count = len(piece) // length
    rows = np.frombuffer(piece[: count * length], np.uint8).reshape(count, length)
    own, table = np.zeros(count, np.uint32), _table()
    for column in rows.T:
        own = table[(own ^ column) & 0xFF] ^ (own >> 8)
    shifts = _shifts(length)
    for each in own.tolist():
        state = _shifted(state, shifts) ^ each
    for byte in piece[count * length :]:
        state = int(table[(state ^ byte) & 0xFF]) ^ (state >> 8)
    return state


@cache
def _table() -> npt.NDArray[np.uint32]:
    """What a state's lowest byte becomes while a zero byte passes."""
    states = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        states = np.where(states & 1, (states >> 1) ^ POLYNOMIAL, states >> 1).astype(np.uint32)
    return states


@lru_cache(maxsize=8)
def _shifts(length: int) -> list[list[int]]:
    """What each byte of a state, (4, 256), becomes while so many zero bytes pass."""
    table = _table()
    states = np.arange(256, dtype=np.uint32) << np.arange(0, 32, 8, dtype=np.uint32)[:, None]
    for _ in range(length):
        states = table[states & 0xFF] ^ (states >> 8)
    shifts: list[list[int]] = states.tolist()
    return shifts


def _shifted(state: int, shifts: list[list[int]]) -> int:
    low, high = shifts[0][state & 0xFF] ^ shifts[1][state >> 8 & 0xFF], shifts[2][state >> 16 & 0xFF]
    return low ^ high ^ shifts[3][state >> 24]
