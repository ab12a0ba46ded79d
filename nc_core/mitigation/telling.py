"""How far a repair in rounds is, for the progress bar."""

from nc_core.inversion import Progress as InversionProgress
from nc_core.mitigation.repair import Progress


class Told:
    """Turns the steps of one round, half patching and half inverting, into shares of the whole repair.

    rounds: the number of this round, from 1, of at most `most`. labels: how many are inverted in it.
    """

    def __init__(self, progress: Progress | None, rounds: int, most: int, labels: int) -> None:
        self._progress, self._rounds, self._most, self._labels = progress, rounds, most, labels
        self._inverted: dict[int, float] = {}

    def patching(self, fraction: float) -> None:
        """The share of this round's fine-tuning that is done."""
        self._tell(fraction / 2, "unlearning")

    def inverting(self, label: int, told: InversionProgress) -> None:
        """How far the fresh inversion of one label is."""
        self._inverted[label] = told.updates / told.budget
        self._tell(0.5 + sum(self._inverted.values()) / self._labels / 2, "inverting flagged labels afresh")

    def _tell(self, share: float, doing: str) -> None:
        if self._progress is not None:
            done = (self._rounds - 1 + share) / self._most
            self._progress(done, f"round {self._rounds} of {self._most}: {doing}")
