"""Submissions on a real store, taken as far as a test wants them, and the messages that this would have sent."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nc_tasks.messages import publishing
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import LabelKey
from nc_tasks.store.rows import labels, lifecycle, preparations, submissions
from nc_tasks.store.tables.states import LabelState
from nc_tasks.worker.process import WorkerProcess

CLASSES = 20
CLEAN = np.exp(np.random.default_rng(0).normal(4.0, 0.3, CLASSES))
SMALLEST = sorted(map(int, CLEAN.argsort()[:2]))
assert 7 not in SMALLEST


class Messages:
    """What would have been sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.labels: list[list[int]] = []
        self.after: list[int] = []
        self.comparisons: list[str] = []
        self.repairs: list[str] = []
        self.urgencies: list[str] = []
        self.gathered: list[tuple[str, int]] = []
        monkeypatch.setattr(publishing, "publish_labels", self._labels)
        monkeypatch.setattr(publishing.broker, "epoch", lambda: "one")
        monkeypatch.setattr(publishing.app, "send_task", self._task)

    def _task(self, name: str, *, kwargs: dict[str, Any], **__: object) -> None:
        if name == "nc_tasks.compare":
            self.comparisons.append(kwargs["submission"])
        elif name == "nc_tasks.gather":
            self.gathered.append((kwargs["submission"], kwargs["round"]))
        else:
            self.repairs.append(kwargs["method"])

    def _labels(self, _: str, waiting: Sequence[int], __: int, urgency: str, *, after: int) -> None:
        self.labels.append(list(waiting))
        self.urgencies.append(urgency)
        self.after.append(after)


def prepared(worker: WorkerProcess, classes: int = CLASSES, **options: object) -> str:
    """A submission whose preparation has just ended."""
    with worker.store.write() as session:
        submission = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a" * 64, name="m.h5"),
                data=StoredFile(sha256="b" * 64, name="d.npz"),
                options=ScanOptions(**options),
            ),
        )
        attempt = preparations.claim(
            session, submission_id=submission.id, worker_id="host:1", lease_seconds=60, max_attempts=3
        )
        assert attempt == 1
        assert preparations.finish(session, submission_id=submission.id, attempt=attempt)
        lifecycle.record_prepared(
            session,
            submission_id=submission.id,
            canonical_sha256="c" * 64,
            scanned_sha256="5" * 64,
            clean_data_sha256="d" * 64,
            classes=classes,
            input_shape=(32, 32, 3),
            parameters=10,
            preflight={},
            slots=8,
            labels_total=classes,
            versions={},
        )
        return submission.id


def end(
    worker: WorkerProcess,
    submission_id: str,
    norms: dict[int, float],
    *,
    round: int = 0,
    ends: LabelState = "done",
) -> None:
    for label, norm in norms.items():
        key = LabelKey(submission_id=submission_id, label=label, round=round)
        with worker.store.write() as session:
            attempt = labels.claim(session, key=key, worker_id="host:1", lease_seconds=60, max_attempts=3)
            assert attempt is not None
            assert labels.finish(
                session,
                key=key,
                attempt=attempt,
                state=ends,
                updates=10,
                norm=norm,
                attack_success_rate=0.99,
            )


def state(worker: WorkerProcess, submission_id: str) -> str:
    with worker.store.read() as session:
        return submissions.get(session, submission_id=submission_id).state
