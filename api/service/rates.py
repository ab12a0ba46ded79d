"""How many requests each caller may make: a bucket that fills steadily and holds a minute's worth."""

import math
import threading
import time
from collections.abc import Callable

MOST_BUCKETS = 10_000
"""Full buckets beyond this many are dropped: one that is full is as good as none."""


class Rates:
    """Buckets by name of the caller; used by many threads."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> int | None:
        """Take one; None where it was there, else the seconds (whole, 1 or more) until one is."""
        now, pace = self._clock(), self.per_minute / 60.0
        with self._lock:
            left, since = self._buckets.get(name, (float(self.per_minute), now))
            left = min(float(self.per_minute), left + (now - since) * pace)
            if left < 1.0:
                self._buckets[name] = (left, now)
                return math.ceil((1.0 - left) / pace)
            self._buckets[name] = (left - 1.0, now)
            if len(self._buckets) > MOST_BUCKETS:
                self._drop_full(now, pace)
        return None

    def _drop_full(self, now: float, pace: float) -> None:
        full = [name for name, (left, since) in self._buckets.items() if left + (now - since) * pace >= self.per_minute]
        for name in full:
            del self._buckets[name]
