"""One thread per worker process that keeps all its leases alive and writes all its progress."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from nc_tasks.errors import StoreClosed
from nc_tasks.store import Store

log = logging.getLogger(__name__)

STOP_SECONDS = 2.0


class Held:
    """A piece of work that this process holds; `lost` once it was cancelled or given to another worker."""

    def __init__(self, renew: Callable[[Session], bool], stuck: Callable[[], bool]) -> None:
        self.renew, self.stuck = renew, stuck
        self._lost = threading.Event()

    @property
    def lost(self) -> bool:
        """True when the work must stop: nothing that it writes would count."""
        return self._lost.is_set()

    def lose(self) -> None:
        """Called by the heartbeat when the lease could not be renewed."""
        self._lost.set()


def _never() -> bool:
    return False


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Heartbeat:
    """Renews everything that is held in one transaction every `seconds`, whatever the number of slots.

    While nothing is held, only every `idle_seconds`; the first work ends such a pause.

    report: writes that the process lives. end: called where a piece of work is stuck. A call that the device does not
    return from cannot be interrupted, so the process is killed: its leases run out, its supervisor starts another, and
    each label of it is tried alone.
    """

    def __init__(
        self,
        store: Store,
        *,
        report: Callable[[Session], None],
        seconds: float,
        idle_seconds: float,
        end: Callable[[], None] = _kill,
    ) -> None:
        self._store, self._report, self._seconds, self._end = store, report, seconds, end
        self._idle_seconds = idle_seconds
        self._held: set[Held] = set()
        self._lock = threading.Lock()
        self._stop, self._called = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat, at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a beat that waits for the database is not waited for longer than `STOP_SECONDS`.

        Such a beat writes nothing once its turn comes: it would bring back the row of a worker that has left.
        """
        with self._lock:
            self._stop.set()
            self._called.set()
        self._thread.join(STOP_SECONDS)

    @contextmanager
    def hold(self, renew: Callable[[Session], bool], stuck: Callable[[], bool] = _never) -> Iterator[Held]:
        """Keep a lease alive while the block runs.

        renew: prolongs it and writes progress, False when it is lost. stuck: True when the work will not go on.
        """
        held = Held(renew, stuck)
        with self._lock:
            self._held.add(held)
            self._called.set()
        try:
            yield held
        finally:
            with self._lock:
                self._held.discard(held)

    def _run(self) -> None:
        while True:
            try:
                self.beat()
            except SQLAlchemyError as error:
                # The lease outlasts many beats: a database that is busy or away for a moment costs nothing.
                log.warning("heartbeat not written, will try again: %s", error)
            except StoreClosed:
                # `stop` does not wait for long: by the time that a late beat writes, the store may be closed.
                if not self._stop.is_set():
                    raise
            self._pause()
            if self._stop.is_set():
                return

    def _pause(self) -> None:
        self._stop.wait(self._seconds)
        with self._lock:
            if self._held or self._stop.is_set():
                return
            self._called.clear()
        self._called.wait(self._idle_seconds - self._seconds)

    def beat(self) -> None:
        """One beat."""
        with self._lock:
            held = list(self._held)
        if any(entry.stuck() for entry in held):
            log.critical("the device has not answered for too long: this process ends itself")
            self._end()
            return

        def write(session: Session) -> list[Held]:
            if self._stop.is_set():
                return []
            self._report(session)
            return [entry for entry in held if not entry.renew(session)]

        for entry in self._store.write_together(write):
            entry.lose()
