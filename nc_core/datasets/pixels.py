"""Numbers of any usual range -> file pixels 0..255."""

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from nc_core.errors import DataRefused

BLOCK_VALUES = 2**24
"""About as many values are converted at a time, so that a file of doubles never lies in memory whole."""
_WHOLE = 1e-3
"""k / 255 stored as float32 comes back well within this of k; halves stay floats."""


class Source(Protocol):
    """An array, or an HDF5 data set that reads what is sliced out of it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ...)."""

    @property
    def dtype(self) -> Any:
        """A numpy dtype."""

    def __getitem__(self, index: slice, /) -> Any: ...


class _Range(NamedTuple):
    """Pixels are x * scale + offset."""

    name: str
    scale: float
    offset: float


def to_pixels(source: Source) -> tuple[npt.NDArray[Any], str]:
    """Pixels of the same shape in 0..255, and the name of the range they were found in.

    uint8 is kept. Other integers must lie in 0..255. Floats: within 0..1 -> times 255; within -1..1 ->
    (x + 1) * 127.5; within 0..255 -> kept. Floats that are whole pixels become uint8, others float32. Raises
    DataRefused on NaN, infinity, and every other type or range.
    """
    kind = np.dtype(source.dtype).kind
    if kind not in "iuf":
        raise DataRefused(f"the images have type {source.dtype}; expected uint8, or floats in 0..255, 0..1 or -1..1")
    if source.dtype == np.uint8:
        return np.asarray(source[:]), "0..255"
    low, high = _extent(source)
    found = _integer_range(low, high) if kind in "iu" else _float_range(low, high)
    whole = _whole_pixels(source, found)
    return (_float_pixels(source, found) if whole is None else whole), found.name


def _extent(source: Source) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for _, block in _blocks(source):
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        if not np.isfinite(block).all():
            raise DataRefused("the images hold NaN or infinite pixels; pass finite numbers in 0..255, 0..1 or -1..1")
    return low, high


def _integer_range(low: float, high: float) -> _Range:
    if low < 0 or high > 255:
        raise DataRefused(f"integer pixels run from {low:.0f} to {high:.0f}; expected 0..255: pass 8-bit pixels")
    return _Range("0..255", 1.0, 0.0)


def _float_range(low: float, high: float) -> _Range:
    if low >= 0 and high <= 1:
        return _Range("0..1", 255.0, 0.0)
    if low >= -1 and high <= 1:
        return _Range("-1..1", 127.5, 127.5)
    if low >= 0 and high <= 255:
        return _Range("0..255", 1.0, 0.0)
    raise DataRefused(
        f"float pixels run from {low:.4g} to {high:.4g}; expected 0..255, 0..1 or -1..1: pass pixels from "
        "before any standardising (how the model scales them is told by --value-range)"
    )


def _whole_pixels(source: Source, found: _Range) -> npt.NDArray[np.uint8] | None:
    """None where some pixel lies between two whole numbers."""
    out = np.empty(source.shape, np.uint8)
    for at, block in _blocks(source):
        pixels = block * found.scale + found.offset
        whole = np.rint(pixels)
        if np.abs(pixels - whole).max() > _WHOLE:
            return None
        out[at] = whole
    return out


def _float_pixels(source: Source, found: _Range) -> npt.NDArray[np.float32]:
    out = np.empty(source.shape, np.float32)
    for at, block in _blocks(source):
        out[at] = np.clip(block * found.scale + found.offset, 0.0, 255.0)
    return out


def _blocks(source: Source) -> Iterator[tuple[slice, npt.NDArray[np.float64]]]:
    count = max(1, BLOCK_VALUES // prod(source.shape[1:]))
    for start in range(0, source.shape[0], count):
        at = slice(start, start + count)
        yield at, np.asarray(source[at], np.float64)
