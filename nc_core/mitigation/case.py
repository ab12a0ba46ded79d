"""What a method of repair is given: the submitted model, its clean data and what the scan found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nc_core.detection import LabelNorm
from nc_core.intake import CanonicalModel
from nc_core.inversion import Profile, Trigger
from nc_core.models import Compute
from nc_core.prepared import Prepared

MOST_LOSS = 0.05
"""Clean accuracy that a repair may cost, unless asked otherwise. The paper's own repairs cost up to 3.6 points (Wang et
al. 2019, section VI-C), the figures that others reach on face nets of this kind 2 to 5."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One backdoored model.

    canonical: the submitted model. prepared: clean data; a repair learns from `repair` alone, takes its decisions on
    `fit` and is measured on `holdout`. triggers: flagged label -> reversed trigger in the model's domain.
    still_flagged: whether detection would find a label of this fresh norm again
    (`nc_core.detection.StillFlagged`). clean_norms: of the labels that the scan did not flag, infinity for one that did
    not converge. seed, profile, slots, compute: of the fresh inversions, `profile` and `compute` as in the scan.
    most_loss: share of clean images that a repair may lose, see `bound.AccuracyBound`. poison: known poisoned images
    (n, H, W, C) in the model's domain, None without; `retraining` alone looks at them.
    """

    canonical: CanonicalModel
    prepared: Prepared
    triggers: Mapping[int, Trigger]
    still_flagged: Callable[[LabelNorm], bool]
    clean_norms: tuple[float, ...]
    seed: int
    profile: Profile
    slots: int
    compute: Compute = "float32"
    most_loss: float = MOST_LOSS
    poison: npt.NDArray[np.float32] | None = None
