"""What detection is told of one label."""

import math
from dataclasses import dataclass
from typing import Literal

from nc_core.detection.outcome import Evidence

State = Literal["done", "not_converged", "screened_out", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class LabelNorm:
    """The outcome of one label's inversion.

    label: the class. state: its terminal state. norm: sum of the mask (pixels), read only where the label is
    done. attack_success_rate: of the reversed trigger on held-out images, 0..1, None where it could not be
    measured. reference: whether the label may stand for a clean one when median and MAD are taken. True for
    every label of a full scan; where only some labels got the full optimisation, True for the random group
    alone, since a candidate was chosen for being small. evidence: the numbers that its optimisation ended with, None
    where there are none. reason: why it failed. screened_norm: of its mask as the first round of screening left it,
    after the same few steps as all others; None where labels were not screened.
    """

    label: int
    state: State
    norm: float | None = None
    attack_success_rate: float | None = None
    reference: bool = True
    evidence: Evidence | None = None
    reason: str | None = None
    screened_norm: float | None = None

    def __post_init__(self) -> None:
        if self.state == "done" and not (self.norm is not None and 0.0 <= self.norm < math.inf):
            raise ValueError(f"label {self.label} is done with norm {self.norm}: a finite norm >= 0 is needed")

    @property
    def early_norm(self) -> float | None:
        """Norm of its mask after as many steps as a round of screening has; None where that is not known."""
        if self.screened_norm is not None:
            return self.screened_norm
        return None if self.evidence is None else self.evidence.early_norm

    @property
    def scanned(self) -> bool:
        """Whether the label was looked at: one of the N labels that may be small by chance."""
        return self.state in ("done", "not_converged", "screened_out")

    @property
    def doubt(self) -> str | None:
        """Why the label has no outcome; None where it has one, a norm or "at least this large"."""
        if self.state == "failed":
            return self.reason or "it failed"
        if self.state == "cancelled":
            return "it was not looked at to the end"
        if self.state == "not_converged":
            return "it did not converge" if self.evidence is None else self.evidence.unreached
        return None if self.evidence is None else self.evidence.unseen

    @property
    def size(self) -> float | None:
        """The norm as far as it is known: None unless measured or censored.

        A label that did not converge is censored: "at least this large". It ranks above every other
        (infinity) and never shows the number its mask happened to hold.
        """
        if self.state == "done":
            return self.norm
        return math.inf if self.state == "not_converged" else None
