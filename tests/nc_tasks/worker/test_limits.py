"""A worker that takes more memory or time than it may: its work ends with one line."""

import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from nc_core.errors import Cancelled
from nc_core.machine import free_bytes, machine_bytes
from nc_tasks.embedded.processes import wait_until
from nc_tasks.errors import TookTooLong
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.settings import Settings
from nc_tasks.store import Label, LabelKey, Mitigation, Preparation, Submission
from nc_tasks.store.rows import labels, lifecycle, mitigations, preparations, submissions
from nc_tasks.worker.activity import Activity
from nc_tasks.worker.limits import LEAST_BYTES, Deadline, MemoryWatch, limit_of
from nc_tasks.worker.process import WorkerProcess
from tests.nc_tasks.submissions import prepared

GIB = 2**30


def look(worker: WorkerProcess, *, taken: int) -> bool:
    """The answer of a watch with a limit of 4 GiB; whether the process was ended."""
    ended: list[bool] = []
    watch = MemoryWatch(
        worker.store,
        worker_id=worker.id,
        limit=4 * GIB,
        activity=Activity(),
        taken=lambda: taken,
        end=lambda: ended.append(True),
        drop=lambda: None,
    )
    assert watch.look() == bool(ended)
    return bool(ended)


def running(worker: WorkerProcess, *, slots: int) -> str:
    """A submission whose label 0 is at work here, label 1 elsewhere, and label 2 waits."""
    submission_id = prepared(worker)
    with worker.store.write() as session:
        submissions.get(session, submission_id=submission_id).slots = slots
        lifecycle.set_state(session, submission_id=submission_id, state="inverting", round=0)
        labels.create(session, submission_id=submission_id, labels=range(3), round=0, updates_budget=10)
        for label, who in ((0, worker.id), (1, "elsewhere:2")):
            key = LabelKey(submission_id=submission_id, label=label, round=0)
            assert labels.claim(session, key=key, worker_id=who, lease_seconds=60, max_attempts=3) == 1
    return submission_id


def rows(worker: WorkerProcess, submission_id: str) -> list[Label]:
    with worker.store.read() as session:
        return labels.of_round(session, submission_id=submission_id, round=0)


def test_below_the_limit_nothing_happens(worker: WorkerProcess) -> None:
    submission_id = running(worker, slots=4)
    assert not look(worker, taken=4 * GIB)
    assert [row.state for row in rows(worker, submission_id)] == ["running", "running", "queued"]


def test_labels_of_a_batch_wait_for_a_smaller_one_and_are_not_charged(worker: WorkerProcess) -> None:
    # Given a worker whose batch has four labels' room, at one of them
    submission_id = running(worker, slots=4)
    # When it has more memory than it may
    assert look(worker, taken=5 * GIB)
    # Then its label waits, the batch is halved, and the label of another worker goes on
    mine, other, _ = rows(worker, submission_id)
    assert (mine.state, mine.worker_id, mine.attempt - mine.attempt_base) == ("queued", None, 0)
    assert (other.state, other.worker_id) == ("running", "elsewhere:2")
    with worker.store.read() as session:
        assert session.get_one(Submission, submission_id).slots == 2


def test_a_label_that_is_alone_in_its_batch_fails_with_the_limit_and_what_to_do(worker: WorkerProcess) -> None:
    submission_id = running(worker, slots=1)
    assert look(worker, taken=5 * GIB)
    mine, other, waiting = rows(worker, submission_id)
    assert (mine.state, other.state, waiting.state) == ("failed", "running", "queued")
    assert mine.reason is not None
    assert "took 5.0 GiB of memory, the limit of one worker is 4.0 GiB" in mine.reason
    assert "CLEANSE_MEMORY_LIMIT_BYTES" in mine.reason


def test_a_preparation_ends_its_submission_and_a_repair_ends_as_failed(worker: WorkerProcess) -> None:
    repaired = prepared(worker)
    request = ScanRequest(
        model=StoredFile(sha256="e" * 64, name="m.h5"),
        data=StoredFile(sha256="b" * 64, name="d.npz"),
    )
    with worker.store.write() as session:
        fresh = submissions.submit(session, request).id
        claim: dict[str, Any] = {"worker_id": worker.id, "lease_seconds": 60, "max_attempts": 3}
        assert preparations.claim(session, submission_id=fresh, **claim) == 1
        mitigations.create(session, submission_id=repaired, methods=["unlearning"])
        assert mitigations.claim(session, submission_id=repaired, method="unlearning", **claim) == 1
    assert look(worker, taken=9 * GIB)
    with worker.store.write() as session:
        assert preparations.fail_given_up(session) == [fresh]
        ended = submissions.get(session, submission_id=fresh)
        assert ended.state == "failed"
        assert "9.0 GiB" in str(ended.reason)
        assert session.get_one(Preparation, fresh).state == "failed"
        assert "9.0 GiB" in str(session.get_one(Mitigation, (repaired, "unlearning")).reason)


def test_the_limit_is_a_share_of_what_there_is_unless_it_was_set(tmp_path: Path) -> None:
    one, two = (limit_of(Settings(home=tmp_path, label_workers=count)) for count in (1, 2))
    assert LEAST_BYTES <= two <= one < machine_bytes()
    assert limit_of(Settings(home=tmp_path, memory_limit_bytes=3 * GIB)) == 3 * GIB


def test_it_looks_while_a_task_is_at_work_and_has_memory_given_back_once_after_a_while_without(
    worker: WorkerProcess,
) -> None:
    # Given a process whose memory is watched
    activity, looked, dropped = Activity(), threading.Event(), list[float]()

    def taken() -> int:
        looked.set()
        return 0

    watch = MemoryWatch(
        worker.store,
        worker_id=worker.id,
        limit=4 * GIB,
        activity=activity,
        taken=taken,
        drop=lambda: dropped.append(time.monotonic()),
        keep_seconds=0.05,
    )
    watch.start()
    # When nothing comes, then what it keeps is dropped, once, and nobody looks
    assert wait_until(lambda: bool(dropped), 30)
    assert not wait_until(looked.is_set, 0.5)
    # When a task begins, then somebody looks as long as it runs, and keeps everything
    activity.begin()
    assert looked.wait(30)
    looked.clear()
    assert looked.wait(30)
    assert len(dropped) == 1
    # When it has ended, then once more
    activity.end()
    assert wait_until(lambda: len(dropped) == 2, 30)
    watch.stop()


@pytest.mark.parametrize(
    ("files", "limit", "free"),
    [
        ({"memory.max": "1073741824\n", "memory.current": "268435456\n"}, GIB, GIB - GIB // 4),
        ({"memory/memory.limit_in_bytes": str(GIB), "memory/memory.usage_in_bytes": str(2 * GIB)}, GIB, 0),
        ({"memory.max": "max\n", "memory.current": "1\n"}, None, None),
        ({"memory/memory.limit_in_bytes": str(2**63), "memory/memory.usage_in_bytes": "1"}, None, None),
        ({}, None, None),
    ],
)
def test_a_container_has_what_it_was_given(
    tmp_path: Path, files: dict[str, str], limit: int | None, free: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    total = psutil.virtual_memory().total
    assert machine_bytes(tmp_path) == (total if limit is None else limit)
    assert free_bytes(tmp_path) == free if free is not None else 0 < free_bytes(tmp_path) <= total


def test_the_clock_starts_with_the_first_question() -> None:
    deadline = Deadline(0.05)
    time.sleep(0.1)
    assert not deadline.is_over()
    time.sleep(0.1)
    assert deadline.is_over()


def stopped(seconds: float) -> None:
    """Work that asks, and is stopped."""
    with Deadline(seconds) as deadline:
        deadline.is_over()
        time.sleep(0.001)
        deadline.is_over()
        raise Cancelled("by whomever")


def test_a_stop_at_the_deadline_says_so_and_any_other_stays_as_it_is() -> None:
    with pytest.raises(Cancelled, match="by whomever"):
        stopped(60.0)
    with pytest.raises(TookTooLong, match=r"stopped after 1e-09 s, the limit for a label"):
        stopped(1e-9)
