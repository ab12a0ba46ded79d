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


def check_decoded(shape: tuple[int, ...], dtype: npt.DTypeLike, what: str) -> None:
    """Raise DataRefused where an array of this shape and type would not fit the budget; allocates nothing."""
    size = prod(int(axis) for axis in shape) * np.dtype(dtype).itemsize
    if size > MAX_DECODED_BYTES:
        raise DataRefused(
            f"{what} of shape {'x'.join(map(str, shape))} would decode to {size / 2**30:.1f} GiB, the limit "
            f"is {MAX_DECODED_BYTES // 2**30} GiB; pass fewer images (a split uses at most 6000)"
        )
