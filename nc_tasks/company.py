"""Who shares a label worker's process: labels beside one another, or one that must be alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.2
"""How often a label that waits to be let in looks whether its process is to end."""


class Company:
    """Lets many in together or one alone, by turns; whoever must be alone does not wait for ever."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._together = self._waiting = 0
        self._alone = False

    @contextmanager
    def together(self, stopping: threading.Event) -> Iterator[bool]:
        """Be in beside others; False: the process ends, and nobody was let in."""
        with self._changed:
            entered = self._wait(lambda: not self._alone and not self._waiting, stopping)
            self._together += entered
        try:
            yield entered
        finally:
            with self._changed:
                self._together -= entered
                self._changed.notify_all()

    @contextmanager
    def alone(self, stopping: threading.Event) -> Iterator[bool]:
        """Be in with no other; False: the process ends, and nobody was let in."""
        with self._changed:
            self._waiting += 1
            entered = self._wait(lambda: not self._alone and not self._together, stopping)
            self._waiting -= 1
            self._alone = self._alone or entered
        try:
            yield entered
        finally:
            with self._changed:
                if entered:
                    self._alone = False
                self._changed.notify_all()

    def _wait(self, free: Callable[[], bool], stopping: threading.Event) -> bool:
        while not stopping.is_set():
            if self._changed.wait_for(free, LOOK_SECONDS):
                return not stopping.is_set()
        return False
