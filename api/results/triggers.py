"""The reversed triggers of a scan as arrays, as `triggers.npz` holds them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class TriggerArrays:
    """labels (L,) int32, ascending; mask (L, H, W) float32 in 0..1; pattern (L, H, W, C) float32.

    Patterns are in the submitted model's own input domain.
    """

    labels: npt.NDArray[np.int32]
    mask: npt.NDArray[np.float32]
    pattern: npt.NDArray[np.float32]

    def of(self, label: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None:
        """Mask (H, W) and pattern (H, W, C) of a label, or None where the label has no trigger."""
        found = np.flatnonzero(self.labels == label)
        return (self.mask[found[0]], self.pattern[found[0]]) if len(found) else None
