"""How far a repair in rounds is, for the progress bar."""

from nc_core.mitigation.repair import Progress


class Told:
    """Turns the steps of one round, half patching and half looking at the net again, into shares of the whole repair.

    rounds: the number of this round, from 1, of at most `most`. doing: what the patching is called.
    """

    def __init__(self, progress: Progress | None, rounds: int, most: int, doing: str) -> None:
        self._progress, self._rounds, self._most, self._doing = progress, rounds, most, doing

    def patching(self, fraction: float) -> None:
        """The share of this round's patching that is done."""
        self._tell(fraction / 2, self._doing)

    def looking(self, fraction: float) -> None:
        """The share of this round's fresh inversions that is done."""
        self._tell(0.5 + fraction / 2, "inverting flagged labels afresh")

    def _tell(self, share: float, doing: str) -> None:
        if self._progress is not None:
            done = (self._rounds - 1 + share) / self._most
            self._progress(done, f"round {self._rounds} of {self._most}: {doing}")
