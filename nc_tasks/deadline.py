"""How long one piece of work may take, where nothing can interrupt it from outside."""

import time
from types import TracebackType

from nc_core.errors import Cancelled
from nc_tasks.errors import TookTooLong


class Deadline:
    """Asked at every step whether the time is over; the clock starts with the first question.

    Around the work, it turns the stop that it has brought about into TookTooLong.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._over = False

    def is_over(self) -> bool:
        """Whether the work must stop."""
        if self._since is None:
            self._since = time.monotonic()
        self._over = time.monotonic() - self._since > self._seconds
        return self._over

    def __enter__(self) -> "Deadline":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, Cancelled) and self._over:
            raise TookTooLong(f"stopped after {self._seconds:g} s, the limit for a label (CLEANSE_LABEL_SECONDS)")
