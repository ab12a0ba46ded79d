"""How long the present phase still takes, at the pace of the last minute."""

from collections import deque

WINDOW_SECONDS = 60.0
LEAST_SECONDS = 2.0
"""Seen for less, a pace says nothing."""


class Eta:
    """Takes what share of a phase is done at what time; says how many seconds are left."""

    def __init__(self) -> None:
        self._phase: str | None = None
        self._seen: deque[tuple[float, float]] = deque()

    def seconds(self, phase: str | None, share: float, at: float) -> float | None:
        """Seconds left in the phase, None while they are not known. share: 0..1; at: by a steady clock."""
        if phase != self._phase or (self._seen and share < self._seen[-1][1]):
            self._phase, self._seen = phase, deque()
        self._seen.append((at, share))
        while at - self._seen[0][0] > WINDOW_SECONDS and len(self._seen) > 2:
            self._seen.popleft()
        first, before = self._seen[0]
        if phase is None or at - first < LEAST_SECONDS or share <= before:
            return None
        return (1.0 - share) * (at - first) / (share - before)
