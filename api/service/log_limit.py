"""Few lines about what callers do wrong, however often they do it: what they send must not fill the disk."""

import logging
import threading
import time
from collections.abc import Callable

HOUR = 3600.0


class LogLimit:
    """So many lines an hour, as fast as they come; those over the limit are counted. Used by many threads."""

    def __init__(self, an_hour: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = float(an_hour), clock
        self._left, self._since = self._most, clock()
        self._lock = threading.Lock()
        self._untold = 0

    def take(self) -> int | None:
        """How many were over the limit since the last line that was not; None where this one is, too."""
        with self._lock:
            now = self._clock()
            self._left = min(self._most, self._left + (now - self._since) * self._most / HOUR)
            self._since = now
            if self._left < 1.0:
                self._untold += 1
                return None
            self._left -= 1.0
            untold, self._untold = self._untold, 0
            return untold


class LimitedWarnings(logging.Filter):
    """For the logger of a server that warns of every request that it cannot read."""

    def __init__(self, an_hour: int) -> None:
        super().__init__()
        self._limit = LogLimit(an_hour)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; what is worse than a warning always is."""
        if record.levelno > logging.WARNING:
            return True
        untold = self._limit.take()
        if untold:
            record.msg = f"{record.getMessage()} ({untold} more before that were not told)"
            record.args = ()
        return untold is not None
