"""How much of a scan is done, from what is told of its labels."""

from collections.abc import Callable

from nc_core.inversion import Progress
from nc_core.scanning.rounds import Plan


class Share:
    """Takes what is told of labels (`nc_core.scanning.in_process.Told`), and tells the share of the scan, 0..1."""

    def __init__(self, rounds: Plan, progress: Callable[[float], None]) -> None:
        self._rounds, self._progress = rounds, progress
        self._round, self._done = 0, dict[int, float]()

    def __call__(self, round: int, label: int, told: Progress) -> None:
        """A label of a round has come so far."""
        if round != self._round:
            self._round, self._done = round, {}
        self._done[label] = max(self._done.get(label, 0.0), told.updates / told.budget)
        expected = max(self._rounds.labels_in(round), len(self._done))
        self._progress(self._rounds.share(round, sum(self._done.values()) / expected))
