"""A scan of all labels of a net under repair, as the repair is told of it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import keras

from nc_core.detection import Detection
from nc_core.detection.early import LEAST_LABELS
from nc_core.inversion import Inversion


@dataclass(frozen=True, kw_only=True, eq=False)
class Whole:
    """detection: the verdict. inversions: label -> outcome. reference: the labels that stand for clean ones."""

    detection: Detection
    inversions: Mapping[int, Inversion]
    reference: frozenset[int]

    def clean(self, repaired: Collection[int]) -> list[Inversion]:
        """The outcomes of the clean labels: of the reference, without those under repair, flagged or failed."""
        aside = {*repaired, *self.detection.to_repair}
        return [
            one
            for label, one in self.inversions.items()
            if label in self.reference and label not in aside and one.state in ("done", "not_converged")
        ]

    def early_norms(self, repaired: Collection[int]) -> list[float]:
        """The early masks' norms of all labels but those that are set aside; none where fewer than ten have one."""
        aside = {*repaired, *self.detection.to_repair}
        known = [one.early_norm for label, one in self.inversions.items() if label not in aside]
        norms = [norm for norm in known if norm is not None]
        return norms if len(norms) >= LEAST_LABELS else []


class Scanner(Protocol):
    """Scans a net as the submitted one was scanned."""

    def __call__(
        self,
        model: keras.Model,
        *,
        seed: int,
        progress: Callable[[float], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Whole:
        """model: N logits, as it stands. progress: called with the share that is done. Raises Cancelled."""
        ...
