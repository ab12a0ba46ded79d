"""Sleep that a signal ends: a supervisor waits for its children and clients instead of looking for them.

The kernel sends SIGCHLD when a child ends, and a client sends the same signal when it has attached: a process that does
not listen for it ignores it.
"""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from nc_tasks.embedded.locks import read_holder
from nc_tasks.embedded.processes import send


class Wakeups:
    """Sleeps in the main thread until a signal has come since the last sleep, or the time is over."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def sleep(self, seconds: float) -> None:
        """Return at once where a signal has come meanwhile."""
        ready, _, _ = select.select([self._pipe], [], [], seconds)
        if ready:
            with suppress(BlockingIOError):
                while os.read(self._pipe, 4096):
                    pass


@contextmanager
def woken_by_signals() -> Iterator[Wakeups]:
    """Every signal with a handler in Python ends a sleep in the block; SIGCHLD is given one that does nothing more."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    child = signal.signal(signal.SIGCHLD, _nothing)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield Wakeups(reading)
    finally:
        signal.set_wakeup_fd(before)
        signal.signal(signal.SIGCHLD, child)
        os.close(reading)
        os.close(writing)


def wake(lock: Path) -> None:
    """Have the supervisor that holds this lock look at once; nothing where none does."""
    holder = read_holder(lock)
    if holder is not None:
        send(holder[0], signal.SIGCHLD)


def _nothing(_: int, __: FrameType | None) -> None:
    """A handler in Python, without which the signal wakes nobody."""
