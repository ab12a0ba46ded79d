"""How often something may happen: a bucket for each name that fills steadily, in a minute unless told otherwise."""

import math
import threading
import time
from collections.abc import Callable

MOST_BUCKETS = 10_000
"""Full buckets beyond this many are dropped: one that is full is as good as none."""


class Rates:
    """Buckets by name, of the caller for one; used by many threads.

    most: what a bucket holds. seconds: in which an empty one fills.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic, *, seconds: float = 60.0) -> None:
        self.most = most
        self._clock, self._seconds = clock, seconds
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> int | None:
        """Take one; None where it was there, else the seconds (whole, 1 or more) until one is."""
        now, pace = self._clock(), self.most / self._seconds
        with self._lock:
            left, since = self._buckets.get(name, (float(self.most), now))
            left = min(float(self.most), left + (now - since) * pace)
            if left < 1.0:
                self._buckets[name] = (left, now)
                return math.ceil((1.0 - left) / pace)
            self._buckets[name] = (left - 1.0, now)
            if len(self._buckets) > MOST_BUCKETS:
                self._drop_full(now, pace)
        return None

    def _drop_full(self, now: float, pace: float) -> None:
        full = [name for name, (left, since) in self._buckets.items() if left + (now - since) * pace >= self.most]
        for name in full:
            del self._buckets[name]
