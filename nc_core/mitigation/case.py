"""What a method of repair is given: the submitted model, its clean data and what the scan found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nc_core.choice import MAX_ACCURACY_LOSS
from nc_core.datasets.prepared import Prepared
from nc_core.detection import LabelNorm
from nc_core.guard import DEFAULT_RATE
from nc_core.intake import CanonicalModel
from nc_core.inversion import Profile, Trigger
from nc_core.mitigation.whole import Scanner
from nc_core.models import Compute


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One backdoored model.

    canonical: the submitted model. prepared: clean data; a repair learns from `repair` alone, takes its decisions
    on `fit` and is measured on `holdout`. triggers: label to be repaired, flagged or suspected, -> reversed trigger
    in the model's domain. suspects: those of them that are not flagged. leaders: those that the first round
    takes away, None for all; what then still has a small trigger follows. still_flagged: whether detection would find
    a label of this fresh norm again (`nc_core.detection.StillFlagged`). whole: scans all labels of a net under repair
    as the submitted one was scanned. seed, profile, slots, compute: of the fresh
    inversions, `profile` and `compute` as in the scan. max_accuracy_loss: share of clean images that a repair may
    lose, see `bound.AccuracyBound`. false_positive_rate: share of clean images that a guarded net may call. poison:
    known poisoned images (n, H, W, C) in the model's domain, None without; `retraining` alone looks at them. beyond:
    label -> reversed trigger of labels that nothing is known against, see `nc_core.detection.beyond_of`.
    """

    canonical: CanonicalModel
    prepared: Prepared
    triggers: Mapping[int, Trigger]
    still_flagged: Callable[[LabelNorm], bool]
    whole: Scanner
    seed: int
    profile: Profile
    slots: int
    compute: Compute = "float32"
    max_accuracy_loss: float = MAX_ACCURACY_LOSS
    false_positive_rate: float = DEFAULT_RATE
    poison: npt.NDArray[np.float32] | None = None
    beyond: Mapping[int, Trigger] = field(default_factory=dict)
    suspects: tuple[int, ...] = ()
    leaders: tuple[int, ...] | None = None

    @property
    def first(self) -> tuple[int, ...]:
        """Whose triggers the first round takes away: leaders and suspects, of the labels that have one."""
        first = self.triggers if self.leaders is None else {*self.leaders, *self.suspects}
        return tuple(label for label in self.triggers if label in first) or tuple(self.triggers)
