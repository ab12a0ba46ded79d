"""Whether this process has a task at work, for its threads that look after it: without one they sleep."""

import threading

from celery.signals import task_postrun, task_prerun


class Activity:
    """Counts the tasks that are at work in a process, in whatever thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._at_work = 0
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a task is at work."""
        return self._at_work > 0

    def begin(self, **_: object) -> None:
        """A task begins."""
        self._count(1)

    def end(self, **_: object) -> None:
        """A task has ended."""
        self._count(-1)

    def close(self) -> None:
        """Wait for no task any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, seconds: float | None = None) -> bool:
        """Until a task is at work, or the process ends; False where neither came within the time (None: any)."""
        with self._changed:
            return self._changed.wait_for(lambda: self.busy or self._closed, seconds)

    def _count(self, more: int) -> None:
        with self._changed:
            self._at_work += more
            self._changed.notify_all()


ACTIVITY = Activity()
"""Of this process."""
task_prerun.connect(ACTIVITY.begin, weak=False)
task_postrun.connect(ACTIVITY.end, weak=False)
