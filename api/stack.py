"""The workers of this machine, for as long as somebody waits for their work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.terminal import err
from nc_tasks.embedded.client import Stack, attach
from nc_tasks.embedded.commands import default_slots, default_workers
from nc_tasks.errors import StackFailed
from nc_tasks.settings import Settings

REPEAT_SECONDS = 15.0
"""Between two messages about the same submission, while it is waited for."""


@contextmanager
def working_stack(settings: Settings, *, workers: int | None = None, slots: int | None = None) -> Iterator[Stack]:
    """Start or adopt the stack and stay attached; on Ctrl-C it stops, unless another client is attached.

    workers: processes of the label queue, None: what suits the machine. slots: labels that each holds at a time, None:
    as set, or what suits it too. Raises StackFailed.
    """
    slots = slots or settings.worker_slots or default_slots()
    with attach(settings, workers=workers or default_workers(), slots=slots) as stack:
        try:
            yield stack
        except KeyboardInterrupt:
            err.print("\nStopping the workers.")
            stack.stop_if_last()
            raise


class Upkeep:
    """Called again and again while somebody waits: starts a dead stack again and repeats the message now and then.

    The message finds out what is due, so repeating it costs little: it is how the labels of a worker that died come to
    another one while the stack lives on.
    """

    def __init__(self, stack: Stack, publish: Callable[[], None]) -> None:
        self._stack, self._publish = stack, publish
        self._due = time.monotonic() + REPEAT_SECONDS

    def __call__(self) -> None:
        """Do what is due; raises StackFailed where workers cannot live."""
        if self._stack.ensure() or time.monotonic() >= self._due:
            self._publish()
            self._due = time.monotonic() + REPEAT_SECONDS
        problem = self._stack.problem()
        if problem is not None:
            raise StackFailed(problem)
