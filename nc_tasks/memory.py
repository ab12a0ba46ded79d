"""The most memory that a worker's process may take: what exceeds it ends with one line, and the process comes back.

Plans keep within a budget (`nc_core.preflight`); this is for what no plan foresaw. Without it the machine swaps, or its
kernel kills whichever process it likes. An allocation that is refused is no way out: TensorFlow's own operations crash
on it.
"""

import logging
import os
import signal
import threading
from collections.abc import Callable

import psutil
from sqlalchemy.exc import SQLAlchemyError

from nc_core.machine import machine_bytes
from nc_tasks.settings import Settings
from nc_tasks.store import Store, overrun

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
SHARE = 0.9
"""Of the machine's or the container's memory, for all label workers together."""
LEAST_BYTES = 2 * 2**30
"""TensorFlow, a small net and its images."""


def limit_of(settings: Settings) -> int:
    """Bytes that one worker process may take."""
    share = int(SHARE * machine_bytes() / settings.label_workers)
    return settings.memory_limit_bytes or max(LEAST_BYTES, share)


def _taken() -> int:
    return int(psutil.Process().memory_info().rss)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class MemoryWatch:
    """A thread that looks at this process' memory. taken: bytes it has now. end: called once they are too many."""

    def __init__(
        self,
        store: Store,
        *,
        worker_id: str,
        limit: int,
        taken: Callable[[], int] = _taken,
        end: Callable[[], None] = _kill,
    ) -> None:
        self._store, self._worker_id, self._limit = store, worker_id, limit
        self._taken, self._end = taken, end
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="memory", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            if self.look():
                return

    def look(self) -> bool:
        """Whether this process has more memory than it may; then its work has ended, and so does it."""
        taken = self._taken()
        if taken <= self._limit:
            return False
        reason = (
            f"the work took {taken / 2**30:.1f} GiB of memory, the limit of one worker is {self._limit / 2**30:.1f} "
            "GiB: submit a smaller net or fewer images, or give workers more (CLEANSE_MEMORY_LIMIT_BYTES)"
        )
        log.critical("%s", reason)
        try:
            with self._store.write() as session:
                overrun.end_held(session, worker_id=self._worker_id, reason=reason)
        except SQLAlchemyError as error:
            # Its leases run out, and the reason stands in the log alone.
            log.error("not written why: %s", " ".join(str(error).split()))
        self._end()
        return True
