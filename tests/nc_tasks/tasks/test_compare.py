"""The comparison of repairs: with what is kept of them, and when it fails."""

import pytest

from nc_core.quarantine import admit
from nc_tasks import workflow
from nc_tasks.errors import ArtefactsUnreachable
from nc_tasks.messages import publishing
from nc_tasks.store.rows import lifecycle
from nc_tasks.tasks import compare as compare_task
from nc_tasks.tasks import repair as repair_task
from nc_tasks.worker.process import WorkerProcess
from tests.nc_tasks.tasks.conftest import Make, ended, method, pixel


def test_a_comparison_that_fails_does_not_stop_the_submission(
    worker: WorkerProcess, submission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = {name: method(name, left=0.0, found=pixel(5)) for name in ("unlearning", "fine-pruning")}
    submission_id = submission(methods)
    for name in methods:
        repair_task.repair(submission=submission_id, method=name)

    def fails(*_: object) -> None:
        raise ValueError("no memory")

    monkeypatch.setattr(compare_task, "compare_repairs", fails)
    compare_task.compare(submission=submission_id)
    # Then what each measured by itself decides, and the reason is told
    told = ended(worker, submission_id)
    assert told["method"] == "fine-pruning"
    assert told["comparison"] == {"triggers": [], "reason": "not compared: ValueError: no memory"}


def test_a_comparison_that_does_not_reach_the_files_is_tried_again(
    worker: WorkerProcess, submission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = {name: method(name, left=0.0, found=pixel(5)) for name in ("unlearning", "fine-pruning")}
    submission_id = submission(methods)
    for name in methods:
        repair_task.repair(submission=submission_id, method=name)

    def unreachable(*_: object) -> None:
        raise ArtefactsUnreachable("the bucket does not answer")

    # Given a bucket that is away while the repairs are compared
    with monkeypatch.context() as away:
        away.setattr(compare_task, "compare_repairs", unreachable)
        with pytest.raises(ArtefactsUnreachable):
            compare_task.compare(submission=submission_id)
    # When the sweeper looks after a while, then it finds the submission standing still and asks once more
    sent: list[str] = []
    monkeypatch.setattr(publishing.app, "send_task", lambda name, **_: sent.append(name))
    with worker.store.read() as session:
        assert [row.id for row in lifecycle.standing(session)] == [submission_id]
    assert workflow.conclude(worker.store, submission_id, patience_seconds=0)
    assert sent == ["nc_tasks.compare"]
    # And with the bucket back the repairs are compared
    compare_task.compare(submission=submission_id)
    told = ended(worker, submission_id)
    assert all(one["comparison"]["triggers"] and "reason" not in one["comparison"] for one in told["candidates"])


def test_a_comparison_that_always_ends_its_process_is_given_up(
    worker: WorkerProcess, submission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = {name: method(name, left=0.0, found=pixel(5)) for name in ("unlearning", "fine-pruning")}
    submission_id = submission(methods)
    for name in methods:
        repair_task.repair(submission=submission_id, method=name)

    def dies(*_: object) -> None:
        raise SystemExit

    # Given a comparison that ends its process as often as it may
    monkeypatch.setattr(compare_task, "compare_repairs", dies)
    for _ in range(worker.settings.max_attempts):
        with pytest.raises(SystemExit):
            compare_task.compare(submission=submission_id)
    # When it is asked for once more, then it is left alone, and the submission ends
    compare_task.compare(submission=submission_id)
    told = ended(worker, submission_id)
    assert told["comparison"]["triggers"] == []
    assert "given up after 3 attempts (limit 3)" in told["comparison"]["reason"]


def test_goodnets_are_compared_without_reading_their_files_again(
    worker: WorkerProcess, submission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two repaired nets
    methods = {name: method(name, left=0.0, found=pixel(5)) for name in ("unlearning", "fine-pruning")}
    submission_id = submission(methods)
    for name in methods:
        repair_task.repair(submission=submission_id, method=name)
    monkeypatch.setattr(admit, "run", unwanted)
    # When they are compared, then no process reads a file that was written here
    compare_task.compare(submission=submission_id)
    told = ended(worker, submission_id)
    assert all(one["comparison"]["triggers"] and "reason" not in one["comparison"] for one in told["candidates"])


def unwanted(*_: object) -> None:
    raise AssertionError("a quarantine was started")
