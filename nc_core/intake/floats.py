"""Weights as they are computed with: finite float32."""

from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core.errors import ModelRefused

Floats = npt.NDArray[np.float32]


def finite_floats(values: npt.NDArray[Any], what: str) -> Floats:
    """The same as float32; ModelRefused where some are not finite. `what` names them, in the plural."""
    with np.errstate(over="ignore", under="ignore"):
        array = np.ascontiguousarray(values, dtype=np.float32)
    finite = np.isfinite(array)
    if not finite.all():
        found = "NaN" if np.isnan(array).any() else "infinity"
        raise ModelRefused(
            f"{what} hold {found} ({array.size - int(finite.sum()):,} of {array.size:,} values): such a "
            "net answers nothing; submit one whose training did not diverge"
        )
    return array
