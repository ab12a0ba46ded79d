"""The workers of this machine, for as long as somebody waits for their work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api.terminal import err
from nc_tasks.embedded.client import Stack, attach
from nc_tasks.errors import StackFailed
from nc_tasks.settings import Settings


@contextmanager
def working_stack(settings: Settings, *, workers: int = 1, slots: int | None = None) -> Iterator[Stack]:
    """Start or adopt the stack and stay attached; on Ctrl-C it stops, unless another client is attached.

    workers: processes of the label queue. slots: labels that each holds at a time, None: as set.
    Raises StackFailed.
    """
    with attach(settings, workers=workers, slots=slots or settings.worker_slots) as stack:
        try:
            yield stack
        except KeyboardInterrupt:
            err.print("\nStopping the workers.")
            stack.stop_if_last()
            raise


def keep_up(stack: Stack, publish: Callable[[], None]) -> None:
    """Start a dead stack again and repeat the message; raises StackFailed where workers cannot live."""
    if stack.ensure():
        publish()
    problem = stack.problem()
    if problem is not None:
        raise StackFailed(problem)
