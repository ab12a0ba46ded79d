"""What a data file may cost to decode."""

from math import prod

import numpy as np
import numpy.typing as npt

from nc_core.errors import DataRefused

MAX_DECODED_BYTES = 20 * 2**30
"""Of one array as the file declares it, and of the pixels that come out."""
MAX_PICTURES = 1_000_000
MAX_PICTURE_BYTES = 64 * 2**20
"""Of one encoded picture."""
MAX_PICTURE_PIXELS = 64 * 2**20
"""Of one decoded picture, before it is resized."""


UNPACKED_RATIO = 200
"""How many times larger than what is stored an array or a set of pictures may be."""
UNPACKED_FLOOR = 256 * 2**20
"""Bytes that may be unpacked from the smallest file."""


def check_decoded(shape: tuple[int, ...], dtype: npt.DTypeLike, what: str, stored: int | None = None) -> None:
    """Raise DataRefused where an array of this shape and type would not fit the budget; allocates nothing.

    stored: bytes that it is unpacked from; None where it was not compressed.
    """
    if min(shape, default=1) < 0:
        raise DataRefused(f"{what} has the shape {shape}; write the file again")
    # An axis of zero, or a type of no bytes, makes the whole small, whatever the rest claims: each counts by itself
    size = prod(max(1, int(axis)) for axis in shape) * max(1, np.dtype(dtype).itemsize)
    if size > MAX_DECODED_BYTES:
        raise DataRefused(
            f"{what} of shape {'x'.join(map(str, shape))} would decode to {size / 2**30:.1f} GiB, the limit "
            f"is {MAX_DECODED_BYTES // 2**30} GiB; pass fewer images (a split uses at most 6000)"
        )
    if stored is not None and size > max(UNPACKED_FLOOR, UNPACKED_RATIO * stored):
        raise DataRefused(
            f"{what} would unpack {stored:,} stored bytes to {size:,}, the limit is {UNPACKED_RATIO} to 1; "
            "pass real pictures, or store them uncompressed"
        )
