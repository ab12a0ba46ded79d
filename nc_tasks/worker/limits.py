"""What the work of one worker process may take: memory, and time for a label. What exceeds it ends with one line.

What a process keeps for the next task is dropped where none comes for a while.

Plans keep within a budget of memory (`nc_core.preflight`); the watch is for what no plan foresaw. Without it the
machine swaps, or its kernel kills whichever process it likes. An allocation that is refused is no way out: TensorFlow's
own operations crash on it.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from types import TracebackType

import psutil
from sqlalchemy.exc import SQLAlchemyError

from nc_core.errors import Cancelled
from nc_core.machine import machine_bytes
from nc_tasks.errors import TookTooLong
from nc_tasks.settings import Settings
from nc_tasks.store import Store
from nc_tasks.store.recovery import memory
from nc_tasks.worker.activity import Activity

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
KEEP_SECONDS = 60.0
"""How long nets, images and compiled programs stay in memory without a task."""
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
    """A thread that looks at this process' memory while a task is at work, and has it given back after a while without.

    activity: of this process. taken: bytes it has now. end: called once they are too many. drop: once, `keep_seconds`
    after the last task.
    """

    def __init__(
        self,
        store: Store,
        *,
        worker_id: str,
        limit: int,
        activity: Activity,
        taken: Callable[[], int] = _taken,
        end: Callable[[], None] = _kill,
        drop: Callable[[], None],
        keep_seconds: float = KEEP_SECONDS,
    ) -> None:
        self._store, self._worker_id, self._limit = store, worker_id, limit
        self._activity, self._taken, self._end = activity, taken, end
        self._drop, self._keep_seconds = drop, keep_seconds
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="memory", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._activity.close()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            if not self._activity.busy:
                self._rest()
            elif self.look():
                return

    def _rest(self) -> None:
        if not self._activity.wait(self._keep_seconds):
            self._drop()
            self._activity.wait()

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
                memory.end_held(session, worker_id=self._worker_id, reason=reason)
        except SQLAlchemyError as error:
            # Its leases run out, and the reason stands in the log alone.
            log.error("not written why: %s", " ".join(str(error).split()))
        self._end()
        return True


class Deadline:
    """How long one piece of work may take, where nothing can interrupt it from outside.

    Asked at every step whether the time is over; the clock starts with the first question.

    As a context around the work, it turns the stop that it has brought about into TookTooLong.
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
