"""The split of clean data: what triggers are fitted to, what is measured on, what a repair learns from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FIT_SHARE, FIT_CAP = 0.4, 1000
"""1000 images is what the authors fit a trigger to."""
HOLDOUT_SHARE, HOLDOUT_CAP = 0.2, 1000
"""A rate measured on 1000 images has a standard error of at most 1.6 points."""
REPAIR_CAP = 4000
"""The repair part is what is left (40%); one epoch of unlearning on 4000 images is enough (paper VI-B)."""

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Split:
    """Three disjoint, sorted index arrays (int64) into the images; images beyond the caps are in none."""

    fit: Indices
    holdout: Indices
    repair: Indices


def split_images(n: int, seed: int) -> Split:
    """Split n images by one seeded permutation: 40% fit, 20% holdout, the rest repair, each up to its cap."""
    order = np.random.default_rng(seed).permutation(n).astype(np.int64)
    fit_end = int(n * FIT_SHARE)
    holdout_end = fit_end + int(n * HOLDOUT_SHARE)
    return Split(
        fit=np.sort(order[:fit_end][:FIT_CAP]),
        holdout=np.sort(order[fit_end:holdout_end][:HOLDOUT_CAP]),
        repair=np.sort(order[holdout_end:][:REPAIR_CAP]),
    )
