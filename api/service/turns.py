"""Few lines about what strangers do, however often they do it: what they send must not fill the disk."""

import logging
import threading
import time
from collections.abc import Callable


class Turns:
    """So many an hour, as fast as they come; those without a turn are counted. Used by many threads."""

    def __init__(self, an_hour: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._an_hour, self._clock = float(an_hour), clock
        self._lock = threading.Lock()
        self._left, self._since, self._untold = self._an_hour, clock(), 0

    def take(self) -> int | None:
        """How many had no turn since the last that had one; None where this one has none either."""
        with self._lock:
            now = self._clock()
            filled = self._left + (now - self._since) * self._an_hour / 3600.0
            self._left, self._since = min(self._an_hour, filled), now
            if self._left < 1.0:
                self._untold += 1
                return None
            self._left -= 1.0
            untold, self._untold = self._untold, 0
            return untold


class FewWarnings(logging.Filter):
    """For the logger of a server that warns of every request that it cannot read."""

    def __init__(self, an_hour: int) -> None:
        super().__init__()
        self._turns = Turns(an_hour)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written; what is worse than a warning always is."""
        if record.levelno > logging.WARNING:
            return True
        untold = self._turns.take()
        if untold:
            record.msg = f"{record.getMessage()} ({untold} more before that were not told)"
            record.args = ()
        return untold is not None
