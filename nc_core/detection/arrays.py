"""What of the evidence besides the triggers can be drawn (numpy alone)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True, eq=False)
class Moves:
    """A trigger without a target (`nc_core.inversion.any_target`), and what it does.

    mask (H, W) float32 in 0..1; pattern (H, W, C) float32 in the model's input domain; counts (N, N) int32: held-out
    images by their answer without the trigger, and by the one with it.
    """

    mask: npt.NDArray[np.float32]
    pattern: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class EvidenceArrays:
    """Of one label. perturbation (H, W, C) float32 in the model's input domain: what is added to an image to send it to
    the label, None where none works or the label was not confirmed. moves: of the net, kept with the first label.
    """

    perturbation: npt.NDArray[np.float32] | None = None
    moves: Moves | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return self.perturbation is None and self.moves is None


NOTHING = EvidenceArrays()


def moves_of(arrays: Mapping[int, EvidenceArrays] | None) -> Moves | None:
    """The net's, kept with one of these labels."""
    return next((one.moves for one in (arrays or {}).values() if one.moves is not None), None)
