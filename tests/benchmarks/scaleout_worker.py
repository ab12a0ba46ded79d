"""What the workers of `tests.benchmarks.scaleout` load beside their tasks: inversions that take as long as told.

Everything else of a label (message, claim, lease, row, result, chord) is the product's own, and of each submission a
worker fetches a file from the bucket, as it does its net. Nothing loads TensorFlow: there is nothing to compute.
"""

import os
import time
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from celery import Task
from celery.signals import task_postrun, task_prerun

from nc_core.errors import Cancelled
from nc_tasks.settings import get_settings
from nc_tasks.store import Submission
from nc_tasks.tasks import label as label_task
from nc_tasks.worker.process import WorkerProcess, this_worker
from tests.no_work import Nothing, Unasked

SECONDS = "SCALEOUT_SECONDS"
"""Variable: the file that says how long a label takes (s)."""
FILE_BYTES = 2**20
"""Of the file of a submission."""
START, CALLBACK = "nc_tasks.start", "nc_tasks.gather"
SPENT = "spent"
"""Folder under home: a file for each submission, with the processor seconds of its callbacks."""
LOOK_SECONDS = 0.05


def file_of(submission: str) -> bytes:
    """What stands in the bucket for a submission."""
    return submission.encode().ljust(FILE_BYTES)


class Waiting(Unasked):
    """Answers after so long as the label is to take."""

    silent_seconds = 0.0

    def invert(
        self,
        label: int,
        *,
        starts: Sequence[int],
        should_stop: Callable[[], bool],
        **_: object,
    ) -> list[Nothing]:
        until = time.monotonic() + float(Path(os.environ[SECONDS]).read_text())
        while (left := until - time.monotonic()) > 0:
            if should_stop():
                raise Cancelled(f"label {label} was cancelled")
            time.sleep(min(left, LOOK_SECONDS))
        # No norm: nothing is flagged and nothing is to be confirmed.
        return [Nothing() for _ in starts]


@cache
def _engine(worker: WorkerProcess, submission: str) -> Waiting:
    worker.artefacts.path(sha256(file_of(submission)).hexdigest())
    return Waiting()


def engine_for(worker: WorkerProcess, submission: Submission, *_: object) -> Waiting:
    return _engine(worker, submission.id)


label_task.engine_for = engine_for  # type: ignore[assignment]
label_task.load = lambda: None

_since: dict[str, float] = {}


@task_prerun.connect
def _before(task_id: str, task: Task, kwargs: dict[str, str], **_: object) -> None:
    if task.name == START:
        this_worker().artefacts.put_bytes(file_of(kwargs["submission"]))
    if task.name == CALLBACK:
        _since[task_id] = time.process_time()


@task_postrun.connect
def _after(task_id: str, task: Task, kwargs: dict[str, str], **_: object) -> None:
    if task.name == CALLBACK:
        path = get_settings().home / SPENT / kwargs["submission"]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(f"{time.process_time() - _since.pop(task_id)}\n")
