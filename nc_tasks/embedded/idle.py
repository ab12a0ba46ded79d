"""For how long has there been nothing to do?"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from nc_tasks.settings import Settings

if TYPE_CHECKING:
    from nc_tasks.store import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks at the store."""


class IdleClock:
    """Runs while no submission and no job waits or is worked on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: Store | None = None
        self._since: float | None = None
        self._pause = min(LOOK_SECONDS, settings.idle_seconds / 4)
        self._next_look = 0.0

    def reset(self) -> None:
        """Begin anew: somebody is attached."""
        # Whoever leaves may be about to stop everything: that must not wait for a look at the store.
        self._next_look = time.monotonic() + self._pause
        self._since = None

    def is_over(self) -> bool:
        """Whether there has been nothing to do for `idle_seconds`."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + self._pause
            if self._busy():
                self._since = None
            elif self._since is None:
                self._since = now
        return self._since is not None and now - self._since >= self._settings.idle_seconds

    def _busy(self) -> bool:
        # Imported at the first look: the workers are started by then and do not wait for it.
        from sqlalchemy.exc import SQLAlchemyError

        from nc_tasks.errors import StoreUnusable
        from nc_tasks.store import open_store
        from nc_tasks.store.rows import jobs, lifecycle

        try:
            if self._store is None:
                self._store = open_store(self._settings)
            with self._store.read() as session:
                return bool(lifecycle.unfinished(session) or jobs.unfinished(session))
        except (SQLAlchemyError, StoreUnusable) as error:
            log.warning("the store does not answer, so the stack stays up: %s", error)
            return True
