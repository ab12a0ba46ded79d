"""What stands in for an inversion where workers, broker and store are what is tried, and labels must cost nothing."""

from dataclasses import dataclass
from typing import Self

from nc_core.detection.arrays import NOTHING, EvidenceArrays


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """The end of a label that was no work; the attributes of `nc_core.inversion.Inversion`, without TensorFlow."""

    norm: None = None
    state: str = "not_converged"
    trigger: None = None
    attack_success_rate: None = None
    updates: int = 1
    gradient_images: int = 1
    seconds: float = 0.0
    reason: None = None
    evidence: None = None
    transfer: None = None
    perturbation: None = None
    partial: None = None
    margins: None = None
    early_norm: None = None
    screened_norm: None = None
    any_target: None = None
    arrays: EvidenceArrays = NOTHING

    def with_starts(self, _several: object) -> Self:
        """The same: no numbers were left."""
        return self

    def with_transfer(self, *_measured: object) -> Self:
        """The same: nothing was measured."""
        return self

    def with_perturbation(self, *_measured: object) -> Self:
        """The same: nothing was measured."""
        return self

    def with_partial(self, *_measured: object) -> Self:
        """The same: nothing was measured."""
        return self

    def with_margin(self, *_measured: object) -> Self:
        """The same: nothing was measured."""
        return self

    def with_early(self, _earlier: object) -> Self:
        """The same: nothing was measured."""
        return self

    def with_any_target(self, _measured: object) -> Self:
        """The same: nothing was measured."""
        return self

    def with_arrays(self, _earlier: object, **_: object) -> Self:
        """The same: nothing can be drawn."""
        return self


class Unasked:
    """An engine that finds no evidence besides."""

    def transferability(self, _inverted: object, **_: object) -> None:
        """No label is asked."""

    def perturbation(self, _inverted: object, **_: object) -> None:
        """No label is asked."""

    def partial(self, _inverted: object, **_: object) -> None:
        """No label is asked."""

    def margin(self, _inverted: object, **_: object) -> None:
        """No label is asked."""

    def any_target(self, **_: object) -> None:
        """The net is not asked."""
