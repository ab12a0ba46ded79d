"""What the workers of `tests.benchmarks.fanout` load beside their tasks: an inversion that is over at once.

Everything else of a label (message, claim, lease, row, result, chord) is the product's own.
"""

import time
from collections.abc import Sequence
from threading import Lock

from celery import Task
from celery.signals import task_postrun, task_prerun

from nc_tasks import workflow
from nc_tasks.messages.app import app
from nc_tasks.settings import get_settings
from nc_tasks.store import Submission
from nc_tasks.tasks import label as label_task
from nc_tasks.worker.process import WorkerProcess, this_worker
from tests.benchmarks.peak import memory, restart_peak
from tests.no_work import Nothing, Unasked

BEGUN = "begun"
"""Folder under home: a file for each submission, with the times (Unix, s) at which its round began and was sent."""
BEGIN, CALLBACK = CONTROL = ("nc_tasks.benchmark_begin", "nc_tasks.gather")
"""The tasks that a round has on the control queue: what sends it, and the callback."""
FIRST = "first"
"""Folder under home: a file for each submission and label worker, with the time of its first label (Unix, s)."""
GREW = "grew"
"""Folder under home: a file for each task of the control queue and submission, with the bytes that it took at its peak
beyond what its process held before."""


class NoEngine(Unasked):
    """Answers at once."""

    silent_seconds = 0.0

    def __init__(self, name: str) -> None:
        self._name, self._noted, self._lock = name, False, Lock()

    def invert(
        self,
        label: int,  # noqa: ARG002
        *,
        starts: Sequence[int],
        **_: object,
    ) -> list[Nothing]:
        with self._lock:
            if not self._noted:
                self._noted = True
                note(FIRST, self._name, str(time.time()))
        # No norm: nothing is flagged and nothing is to be confirmed.
        return [Nothing() for _ in starts]


_engines: dict[str, NoEngine] = {}
_lock = Lock()


def engine_for(worker: WorkerProcess, submission: Submission, *_: object) -> NoEngine:
    with _lock:
        if submission.id not in _engines:
            _engines[submission.id] = NoEngine(f"{submission.id}-{worker.id}")
        return _engines[submission.id]


label_task.engine_for = engine_for  # type: ignore[assignment]


@app.task(name=BEGIN)
def begin(*, submission: str) -> None:
    """What `nc_tasks.start` does once it has prepared a submission."""
    worker = this_worker()
    began = time.time()
    workflow.begin_scan(worker, submission)
    note(BEGUN, submission, f"{began} {time.time()}")


_held: dict[str, int] = {}


@task_prerun.connect
def _before(task_id: str, task: Task, **_: object) -> None:
    if task.name in CONTROL:
        # Preparing loads it, and the callback may run in the same process.
        import nc_core.inversion  # noqa: F401

        _held[task_id] = restart_peak()


@task_postrun.connect
def _after(task_id: str, task: Task, kwargs: dict[str, str], **_: object) -> None:
    if task.name in CONTROL:
        note(GREW, f"{task.name}-{kwargs['submission']}", str(memory("VmHWM") - _held.pop(task_id)))


def note(folder: str, name: str, text: str) -> None:
    """Leave something for the benchmark's own process to read."""
    path = get_settings().home / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
