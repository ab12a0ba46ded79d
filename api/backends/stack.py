"""The workers of this machine, for as long as somebody waits for their work."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from nc_tasks.capacity import default_workers, slots_of
from nc_tasks.embedded.client import Stack, attach
from nc_tasks.errors import StackFailed
from nc_tasks.settings import Settings


@contextmanager
def working_stack(settings: Settings, *, workers: int | None = None, slots: int | None = None) -> Iterator[Stack]:
    """Start or adopt the stack and stay attached; on Ctrl-C it stops, unless another client is attached.

    workers: processes of the label queue, None: what suits the machine. slots: labels that each holds at a time, None:
    as set, or what suits it too. Raises StackFailed.
    """
    slots = slots or slots_of(settings)
    with attach(settings, workers=workers or default_workers(), slots=slots) as stack:
        try:
            yield stack
        except KeyboardInterrupt:
            print("\nStopping the workers.", file=sys.stderr)
            stack.stop_if_last()
            raise


def keep_up(stack: Stack) -> None:
    """Called again and again while somebody waits: start a dead stack again, whose sweeper then carries everything on.

    Raises StackFailed where workers cannot live.
    """
    stack.ensure()
    problem = stack.problem()
    if problem is not None:
        raise StackFailed(problem)
