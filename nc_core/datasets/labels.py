"""Labels of any usual form -> class numbers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core.errors import DataRefused

_EXPECTED = "expected class numbers (N) or (N, 1), or one-hot rows (N, K); pass --unlabelled to leave them aside"


def to_labels(raw: npt.NDArray[Any], images: int) -> npt.NDArray[np.int32]:
    """Labels (N,), (N, 1) or one-hot (N, K), integer or whole floats -> (N,) int32.

    Raises DataRefused on another shape or type, fractions, NaN, negative numbers, or a count other than
    `images`.
    """
    if raw.dtype.kind not in "iuf":
        raise DataRefused(f"labels have type {raw.dtype}; {_EXPECTED}")
    if raw.ndim not in (1, 2) or raw.size == 0:
        raise DataRefused(f"labels have shape {raw.shape}; {_EXPECTED}")
    if len(raw) != images:
        raise DataRefused(f"there are {len(raw)} labels for {images} images; every image needs exactly one label")
    if raw.ndim == 2 and raw.shape[1] > 1:
        return _from_one_hot(raw)
    return _class_numbers(raw.reshape(-1))


def _from_one_hot(raw: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    if not (np.isin(raw, (0, 1)).all() and (raw.sum(axis=1) == 1).all()):
        raise DataRefused(f"labels of shape {raw.shape} are not one-hot; {_EXPECTED}")
    return raw.argmax(axis=1).astype(np.int32)


def _class_numbers(raw: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    with np.errstate(over="ignore"):  # a limit or a label beyond its type is infinite, and no class number
        fault = ~((raw >= 0) & (raw <= np.iinfo(np.int32).max) & (raw == np.floor(raw)))
    if fault.any():
        at = int(fault.argmax())
        raise DataRefused(f"label {raw[at]} of image {at} is no class number; {_EXPECTED}")
    return raw.astype(np.int32)
