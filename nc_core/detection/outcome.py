"""Whether a label was seen: what its own optimisation bears out (numpy alone).

No label counts as clean that has no outcome. A norm is one where the optimisation could see its way to it. A label that
did not converge has one where its numbers say "at least this large": the mask was large and free, the gradient lived,
the attack rate rose, and yet it stayed below the gate to the end of the budget.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nc_core.detection.class_map import AnyTarget

BLIND_BOUND = 0.05
"""Share of the missed images of an optimisation that may show no way: of ordinary nets hardly one does, while a
gradient that dies leaves all of them blind."""
BROKEN_BOUND = 0.01
"""Share of an optimisation's images whose loss or gradient may be no number. A single one is no reason to doubt."""
LEADING_BOUND = 0.8
"""Share of clean images on which a step along the gradient must get further than one against it: none of 310
labels of 14 ordinary nets has less than .94, a gradient of rounding errors has about .5."""
LARGE_SHARE = 0.05
"""Of the pixels: a mask of this size that does not reach the label is larger than any trigger that the verdict is
about; clean labels need 2.9 to 12.7%."""
RISE = 0.02
"""By how much the attack rate must have risen above the clean base rate to have moved at all: six of the 288 images
that one of the gate's means looks at."""
STANDARD_ERRORS = 3.0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The numbers that one label's optimisation ended with.

    attack_rate, highest_rate: of the gate's last and of its best mean, on `images` fitting images each. base_rate: of
    those images without a trigger. gate: the rate asked for. mask_share: of the pixels, the mask as it stood at the
    end. cost: lambda at the end. exhausted: the whole budget was used. blind: share of the missed images whose gradient
    was zero or no number. broken: share of all images whose loss or gradient was no number. transfer: rate of the
    masks' mean on other images, of a GangSweep whose masks have nothing in common. leads: share of clean images on
    which a step along the gradient gets further than one against it, None where there were too few to say. tried: what
    else was tried where the gradient led nowhere, in order. transferability: mean rate on other images of triggers that
    a few images need, None where that was not measured; few_norm: the median norm of those triggers, in pixels. starts:
    norm and attack success rate on held-out images of every random start that the label was inverted from, in order.
    perturbation_rate: on other images, of the smallest perturbation that sends all images to the label, None where that
    was not measured; perturbation_norm: its L2 norm, in ranges of a value, None where the largest that was tried falls
    short of 90%. partial_rate: on held-out images, of the smallest trigger of most images, None where that was not
    looked for; partial_norm: its norm, in pixels, None where it does not hold on them. margin: by how much the largest
    logit of an image can lie above the next where it is the label's, in logits of the usual spread; None where that was
    not measured. early_norm: of the mask after the first 12 steps from a random start, in pixels; None of a round that
    goes on with an earlier one. any_target: of the net and not of the label, kept with the first label of a scan.
    """

    attack_rate: float
    highest_rate: float
    base_rate: float
    gate: float
    images: int
    mask_share: float
    cost: float
    exhausted: bool
    blind: float
    broken: float
    transfer: float | None = None
    leads: float | None = None
    tried: tuple[str, ...] = ()
    transferability: float | None = None
    few_norm: float | None = None
    starts: tuple[tuple[float | None, float | None], ...] = ()
    perturbation_norm: float | None = None
    perturbation_rate: float | None = None
    partial_norm: float | None = None
    partial_rate: float | None = None
    margin: float | None = None
    any_target: AnyTarget | None = None
    early_norm: float | None = None

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Evidence":
        """What `to_json` gave."""
        starts = tuple((norm, rate) for norm, rate in told.get("starts", ()))  # an earlier version kept none
        away = told.get("any_target")
        any_target = None if away is None else AnyTarget.from_json(away)
        return cls(**{**told, "tried": tuple(told["tried"]), "starts": starts, "any_target": any_target})

    def to_json(self) -> dict[str, Any]:
        """The same as plain numbers, truth values and lists."""
        return {
            **asdict(self),
            "tried": list(self.tried),
            "starts": [list(start) for start in self.starts],
            "any_target": None if self.any_target is None else self.any_target.to_json(),
        }

    @property
    def misled(self) -> bool:
        """Whether there is a gradient that leads nowhere, as the rounding of terms that cancel does."""
        return self.leads is not None and self.leads < LEADING_BOUND

    @property
    def unseen(self) -> str | None:
        """Why the optimisation could not see its way, None where it could."""
        if self.broken > BROKEN_BOUND:
            return f"{self.broken:.0%} of its images had a loss or a gradient that is no number (NaN)"
        if self.blind > BLIND_BOUND:
            return f"{self.blind:.0%} of the images that it missed had no gradient to follow"
        if self.misled:
            return f"on {self.leads:.0%} of the images only a step along its gradient got further than one against it"
        return None

    @property
    def unreached(self) -> str | None:
        """Why "not converged" is no outcome here, None where the numbers say that the label needs a large mask."""
        if self.unseen is not None or self.transfer is not None:
            return self.unseen
        if not self.exhausted:
            return "its optimisation ended before its budget did"
        if self.highest_rate < self.base_rate + RISE:
            return f"its attack rate never rose above the {self.base_rate:.1%} of images without a trigger"
        if self.mask_share < LARGE_SHARE:
            return f"its mask held {self.mask_share:.1%} of the pixels when the budget ended, no large one"
        if self.cost > 0 and not self._below_gate:
            return f"its attack rate of {self.attack_rate:.1%} came close to the {self.gate:.1%} that was asked for"
        return None

    @property
    def _below_gate(self) -> bool:
        spread = math.sqrt(max(self.attack_rate * (1.0 - self.attack_rate), 1.0 / self.images) / self.images)
        return self.attack_rate + STANDARD_ERRORS * spread < self.gate
