"""A reversed trigger and the outcome of its optimisation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from nc_core.detection.arrays import NOTHING, EvidenceArrays
from nc_core.detection.class_map import AnyTarget
from nc_core.detection.outcome import Evidence
from nc_core.detection.outliers import SIZE_FLOOR

State = Literal["done", "not_converged", "screened_out", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trigger:
    """mask (H, W) float32 in 0..1, shared by the channels; pattern (H, W, C) float32 in the model's input domain."""

    mask: npt.NDArray[np.float32]
    pattern: npt.NDArray[np.float32]

    @property
    def norm(self) -> float:
        """L1 norm of the mask, in pixels."""
        return float(np.abs(self.mask, dtype=np.float64).sum())

    def stamp(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A(x, m, p) = (1 - m) x + m p (Wang et al. 2019, equation 2) for images (n, H, W, C)."""
        mask = self.mask[..., None]
        return ((1.0 - mask) * x + mask * self.pattern).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Transferability:
    """Of triggers that a few images need (`nc_core.inversion.transfer`).

    rate: mean attack success rate on other images, 0..1. norm: of the triggers, the median, in pixels.
    gradient_images: that went forward and backward for it. best: of the triggers, the one that works on most others;
    None where there is none.
    """

    rate: float
    norm: float
    gradient_images: int
    best: Trigger | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Partial:
    """The smallest trigger that sends most images to a label, and not all (`nc_core.inversion.partial`).

    norm: of its mask, in pixels; None where none holds on held-out images. rate: on these, 0..1. gradient_images: that
    went forward and backward for it.
    """

    norm: float | None
    rate: float
    gradient_images: int


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """The smallest that sends all images to a label (`nc_core.inversion.universal`).

    norm: L2, in ranges of a value, of one that works on 90% of other images; None where the largest that was tried does
    not. rate: on other images, 0..1, of that one, or of the largest. gradient_images: that went forward and backward
    for it. delta: what is added to an image, (H, W, C) in the model's domain; None without a norm, and of one that was
    measured before.
    """

    norm: float | None
    rate: float
    gradient_images: int
    delta: npt.NDArray[np.float32] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Margins:
    """How sure a net can be made of a label (`nc_core.inversion.margin`).

    margin: in logits of the usual spread. gradient_images: that went forward and backward for it.
    """

    margin: float
    gradient_images: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Begun:
    """What one round hands to the next: trigger, as it stood, and cost, the lambda it stood at. Not the optimiser."""

    trigger: Trigger
    cost: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Inversion:
    """The outcome for one label.

    state: `done`; `not_converged` when no mask reached the attack threshold within the budget (its norm is unknown,
    larger than what was looked for, and never a number); `screened_out` after a round of screening, with the trigger as
    it stood then, whether or not another round goes on with it; `failed` when the numbers broke, `cancelled` when the
    time of the scan was used up before it ended (see reason).
    attack_success_rate: of the kept trigger on held-out images that are not of the target class.
    gradient_images: images that went through a forward and a backward pass for this label.
    cost: lambda where it ended, after a round of screening. size: what stands for the norm where that is not the sum of
    the trigger's mask alone. evidence: what the optimisation's numbers were, None where there was none. arrays: what of
    it can be drawn. screened_norm: of its mask as the first round of screening left it, None without one. reason: of a
    label that failed or was cancelled, and of one whose gradient led nowhere.
    """

    label: int
    state: State
    trigger: Trigger | None
    attack_success_rate: float | None
    updates: int
    gradient_images: int
    seconds: float
    cost: float | None = None
    reason: str | None = None
    size: float | None = None
    evidence: Evidence | None = None
    arrays: EvidenceArrays = NOTHING
    screened_norm: float | None = None

    @classmethod
    def without_work(cls, label: int, *, state: State, reason: str) -> "Inversion":
        """Of a label that was never begun, or whose work is of no use, and why."""
        return cls(
            label=label,
            state=state,
            trigger=None,
            attack_success_rate=None,
            updates=0,
            gradient_images=0,
            seconds=0.0,
            reason=reason,
        )

    @property
    def begun(self) -> Begun:
        """What the next round goes on with; only after a round of screening."""
        assert self.trigger is not None
        assert self.cost is not None
        return Begun(trigger=self.trigger, cost=self.cost)

    @property
    def seen(self) -> bool:
        """Whether the optimisation could see its way: a gradient that is hidden from it is so from any other."""
        return self.evidence is not None and self.evidence.unseen is None

    @property
    def transfer(self) -> Transferability | None:
        """Whether triggers of a few images work on others, as measured before."""
        found = self.evidence
        if found is None or found.transferability is None or found.few_norm is None:
            return None
        return Transferability(rate=found.transferability, norm=found.few_norm, gradient_images=0)

    @property
    def perturbation(self) -> Perturbation | None:
        """The smallest universal perturbation, as measured before."""
        found = self.evidence
        if found is None or found.perturbation_rate is None:
            return None
        return Perturbation(norm=found.perturbation_norm, rate=found.perturbation_rate, gradient_images=0)

    @property
    def partial(self) -> Partial | None:
        """The smallest trigger of most images, as measured before."""
        found = self.evidence
        if found is None or found.partial_rate is None:
            return None
        return Partial(norm=found.partial_norm, rate=found.partial_rate, gradient_images=0)

    @property
    def margins(self) -> Margins | None:
        """How sure the net can be made of the label, as measured before."""
        margin = None if self.evidence is None else self.evidence.margin
        return None if margin is None else Margins(margin=margin, gradient_images=0)

    def with_transfer(self, *measured: Transferability | None) -> "Inversion":
        """The same with whether triggers of a few images work on others: mean rate, geometric mean of the norms.

        Nothing where that could not be measured.
        """
        known = [one for one in measured if one is not None]
        if not known or self.evidence is None:
            return self
        rate = float(np.mean([one.rate for one in known]))
        norm = math.prod(max(one.norm, SIZE_FLOOR) for one in known) ** (1 / len(known))
        return replace(self, evidence=replace(self.evidence, transferability=rate, few_norm=norm))

    def with_perturbation(self, *measured: Perturbation | None) -> "Inversion":
        """The same with the smallest universal perturbation: geometric mean of the norms, mean of the rates.

        Nothing where that could not be measured; no norm where one of them has none.
        """
        norm, rate = _norm_and_rate(measured)
        if rate is None or self.evidence is None:
            return self
        return replace(self, evidence=replace(self.evidence, perturbation_norm=norm, perturbation_rate=rate))

    def with_partial(self, *measured: Partial | None) -> "Inversion":
        """The same with the smallest trigger of most images, as `with_perturbation` has it."""
        norm, rate = _norm_and_rate(measured)
        if rate is None or self.evidence is None:
            return self
        return replace(self, evidence=replace(self.evidence, partial_norm=norm, partial_rate=rate))

    def with_margin(self, *measured: Margins | None) -> "Inversion":
        """The same with the first margin that is known."""
        known = next((one.margin for one in measured if one is not None), None)
        if known is None or self.evidence is None:
            return self
        return replace(self, evidence=replace(self.evidence, margin=known))

    def with_early(self, earlier: "Inversion | None") -> "Inversion":
        """The same with the early mask of the label's first inversion: others follow only where it found something."""
        if earlier is None or earlier.evidence is None or self.evidence is None:
            return self
        return replace(self, evidence=replace(self.evidence, early_norm=earlier.evidence.early_norm))

    def with_any_target(self, measured: AnyTarget | None) -> "Inversion":
        """The same, which keeps what was measured of the net as a whole; nothing where there is no evidence."""
        if measured is None or self.evidence is None:
            return self
        return replace(self, evidence=replace(self.evidence, any_target=measured))

    @property
    def any_target(self) -> AnyTarget | None:
        """What was measured of the net as a whole and is kept with this label."""
        return None if self.evidence is None else self.evidence.any_target

    def with_arrays(
        self, earlier: EvidenceArrays, *, moved: Perturbation | None, away: AnyTarget | None
    ) -> "Inversion":
        """The same with what can be drawn: of now where there is something, else of an earlier round."""
        delta, moves = None if moved is None else moved.delta, None if away is None else away.moves
        arrays = EvidenceArrays(
            perturbation=earlier.perturbation if delta is None else delta,
            moves=earlier.moves if moves is None else moves,
        )
        return replace(self, arrays=arrays)

    def with_starts(self, several: "Sequence[Inversion]") -> "Inversion":
        """The same with what came of every start of its label; nothing where the optimisation left no numbers."""
        if self.evidence is None:
            return self
        starts = tuple((one.norm, one.attack_success_rate) for one in several)
        return replace(self, evidence=replace(self.evidence, starts=starts))

    @property
    def early_norm(self) -> float | None:
        """Norm of its mask after the first steps, as `LabelNorm.early_norm`."""
        if self.screened_norm is not None:
            return self.screened_norm
        return None if self.evidence is None else self.evidence.early_norm

    @property
    def norm(self) -> float | None:
        """L1 norm of the mask or what stands for it, None where no mask was kept."""
        if self.trigger is None:
            return None
        return self.trigger.norm if self.size is None else self.size


def _norm_and_rate(measured: Sequence[Perturbation | Partial | None]) -> tuple[float | None, float | None]:
    """Geometric mean of the norms, None where one has none, and mean of the rates, None where nothing is known."""
    known = [one for one in measured if one is not None]
    norms = [max(one.norm, SIZE_FLOOR) for one in known if one.norm is not None]
    norm = math.prod(norms) ** (1 / len(norms)) if norms and len(norms) == len(known) else None
    return norm, float(np.mean([one.rate for one in known])) if known else None
