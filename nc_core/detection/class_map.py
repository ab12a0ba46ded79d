"""How far answers without a trigger say which ones come out with it: the mark of an all-to-all backdoor (numpy alone).

What is measured is in `nc_core.inversion.any_target`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core.detection.arrays import Moves

LEAST_CLASSES = 5
"""Of two classes every trigger that moves all images swaps them, and of a few chance comes close to it."""
SHUFFLES = 20
"""Pairings by chance whose mean is taken off."""


@dataclass(frozen=True, kw_only=True)
class AnyTarget:
    """A trigger that takes images away from their answers. norm: of its mask, in pixels. attack_success_rate: share of
    held-out images whose answer changes. share: of the answers' entropy that the new ones hold, 0..1, of those images.
    class_map: answer -> the new one of most of its images. classes: of the net. gradient_images: that all starts took.
    moves: the trigger and all that it does, None of one that was read: they are in no JSON.
    """

    norm: float
    attack_success_rate: float
    share: float
    class_map: Mapping[int, int]
    classes: int
    gradient_images: int
    moves: Moves | None = field(default=None, compare=False, repr=False)

    @property
    def tells(self) -> bool:
        """Whether the share says anything: not of nets of fewer than five classes."""
        return self.classes >= LEAST_CLASSES

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "AnyTarget":
        """What `to_json` gave."""
        return cls(**{**told, "class_map": {int(label): to for label, to in told["class_map"].items()}})

    def to_json(self) -> dict[str, Any]:
        """Plain types; keys of the map are text."""
        plain = asdict(replace(self, moves=None))
        del plain["moves"]
        return {**plain, "class_map": {str(label): to for label, to in self.class_map.items()}}


def uncertainty(before: npt.NDArray[np.integer], after: npt.NDArray[np.integer]) -> float:
    """Theil's uncertainty coefficient U(before | after) of labels (n,) each, less what they would have by chance: 0..1.

    (I - I0) / (H - I0); I: mutual information, H: entropy of `before`, I0: mean of I where `after` is shuffled, since
    few images of many classes hold some by chance. 0 where all images are of one class.
    """
    information = _information(before, after)
    rng = np.random.default_rng(0)
    by_chance = float(np.mean([_information(before, rng.permutation(after)) for _ in range(SHUFFLES)]))
    entropy = _information(before, before)
    if entropy - by_chance < 1e-9:
        return 0.0
    return float(np.clip((information - by_chance) / (entropy - by_chance), 0.0, 1.0))


def _information(one: npt.NDArray[np.integer], other: npt.NDArray[np.integer]) -> float:
    """Mutual information of labels (n,) each, in nats."""
    if len(one) == 0:
        return 0.0
    joint = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(joint, (one, other), 1.0 / len(one))
    outer = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    known = joint > 0.0
    return float((joint[known] * np.log(joint[known] / outer[known])).sum())
