"""A lock that many hold together or one holds alone: labels that share their worker's process, or one that must not."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.2
"""How often a label that waits for the lock looks whether its process is to end."""


class SharedLock:
    """Held by many at once or by one alone. New sharers wait behind one that wants it alone, so that its turn comes."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sharing = self._waiting = 0
        self._exclusive = False

    @contextmanager
    def shared(self, stopping: threading.Event) -> Iterator[bool]:
        """Hold it beside others; yields False where the process ends, and the lock is not held."""
        with self._changed:
            entered = self._wait(lambda: not self._exclusive and not self._waiting, stopping)
            self._sharing += entered
        try:
            yield entered
        finally:
            with self._changed:
                self._sharing -= entered
                self._changed.notify_all()

    @contextmanager
    def exclusive(self, stopping: threading.Event) -> Iterator[bool]:
        """Hold it with no other; yields False where the process ends, and the lock is not held."""
        with self._changed:
            self._waiting += 1
            entered = self._wait(lambda: not self._exclusive and not self._sharing, stopping)
            self._waiting -= 1
            self._exclusive = self._exclusive or entered
        try:
            yield entered
        finally:
            with self._changed:
                if entered:
                    self._exclusive = False
                self._changed.notify_all()

    def _wait(self, free: Callable[[], bool], stopping: threading.Event) -> bool:
        while not stopping.is_set():
            if self._changed.wait_for(free, LOOK_SECONDS):
                return not stopping.is_set()
        return False
