"""What the workers of the faults load beside their tasks: inversions of no work, and mishaps at given points.

A file under home/mishaps says what befalls which label or step; most are used up by the first who comes there. All else
(message, claim, lease, row, result, chord, callback) is the product's own.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from celery import Task
from celery.signals import task_postrun, task_prerun

from nc_tasks.settings import get_settings
from nc_tasks.store import LabelKey, Submission
from nc_tasks.tasks import label as label_task
from nc_tasks.worker.process import WorkerProcess
from tests.faults.script import Script
from tests.no_work import Nothing, Unasked

SCRIPT = Script(get_settings().home)
if SCRIPT.says("clock set back"):
    _time = time.time
    time.time = lambda: _time() - 30 * 24 * 3600  # type: ignore[assignment]
GATHER = "nc_tasks.gather"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class ScriptedEngine(Unasked):
    """Does to each label what the script says, and nothing else."""

    def __init__(self, submission: str) -> None:
        self._submission = submission
        self._hangs_since: float | None = None

    @property
    def silent_seconds(self) -> float:
        return 0.0 if self._hangs_since is None else time.monotonic() - self._hangs_since

    def invert(
        self, label: int, *, starts: Sequence[int], round: int, should_stop: Callable[[], bool], **_: object
    ) -> list[Nothing]:
        with SCRIPT.running(self._submission, label, round):
            if SCRIPT.says("kill always", label) or SCRIPT.takes("kill", label):
                die()
            if SCRIPT.takes("raise", label):
                raise RuntimeError("the device is lost")
            if SCRIPT.takes("hang", label):
                self._hangs_since = time.monotonic()
                time.sleep(3600)
            while SCRIPT.says("hold", label):
                if should_stop():
                    raise label_task.Cancelled(f"label {label} was cancelled")
                time.sleep(0.01)
            time.sleep(SCRIPT.seconds())
        return [Nothing() for _ in starts]


def engine_for(_: WorkerProcess, submission: Submission, *__: object) -> ScriptedEngine:
    return ScriptedEngine(submission.id)


label_task.engine_for = engine_for  # type: ignore[assignment]

_ended = label_task._finish


def ended(worker: WorkerProcess, key: LabelKey, attempt: int, **rest: Any) -> str:
    state = _ended(worker, key, attempt, **rest)
    if SCRIPT.takes("kill after result", key.label):
        die()
    return state


label_task._finish = ended


@task_prerun.connect
def _before(task: Task, **_: object) -> None:
    if task.name == GATHER and SCRIPT.takes("kill before gather"):
        die()


@task_postrun.connect
def _after(task: Task, **_: object) -> None:
    if task.name == GATHER and SCRIPT.takes("kill after gather"):
        die()
