"""How often each caller may ask in a minute, counted on the broker for all processes of the service together.

While the broker is away each process counts for itself: a service that answers is worth more than an exact count.
"""

import logging
import math
import time
from collections.abc import Callable

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)

ANSWER_SECONDS = 0.25
"""How long a request waits for the broker, which answers in less than a thousandth."""
AWAY_SECONDS = 5.0
"""How long a broker that did not answer is left alone."""


class Rates:
    """Counts of callers by name, each over the minute that has gone by; used by many threads.

    Args:
        most: Requests of one name in a minute.
        url: The broker, as the Redis client takes it.
        prefix: What our names on the broker begin with.
        clock: Seconds, for the pause after which a broker that was away is asked again.
    """

    def __init__(self, most: int, *, url: str, prefix: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        # A connection that the broker has closed since is opened once more; otherwise nothing is tried again.
        self._pool = ConnectionPool.from_url(
            url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS, retry=Retry(NoBackoff(), 1)
        )
        shared = RedisStorage("redis://", connection_pool=self._pool, key_prefix=f"{prefix}rates")
        self._shared = SlidingWindowCounterRateLimiter(shared)
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._clock = clock
        self._away_until: float | None = None

    def take(self, name: str) -> int | None:
        """Count one request of this name; None where it may be made, else the seconds (1 or more) to wait for one."""
        if self._away_until is None or self._clock() >= self._away_until:
            try:
                waits = self._take(self._shared, name)
            except RedisError as error:
                if self._away_until is None:
                    log.warning("requests are counted by each process alone: the broker does not answer (%s)", error)
                self._away_until = self._clock() + AWAY_SECONDS
            else:
                self._away_until = None
                return waits
        return self._take(self._own, name)

    def _take(self, limiter: RateLimiter, name: str) -> int | None:
        limit = RateLimitItemPerMinute(self.most)
        if limiter.hit(limit, name):
            return None
        return max(1, math.ceil(limiter.get_window_stats(limit, name).reset_time - time.time()))

    def close(self) -> None:
        """Close the connections to the broker."""
        self._pool.disconnect()
