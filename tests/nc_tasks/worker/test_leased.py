"""Work that a process holds: claimed once, kept alive while it runs, and ended or left to the next attempt."""

from contextlib import AbstractContextManager
from functools import partial

import pytest
from sqlalchemy.exc import OperationalError

from nc_core.errors import DataRefused
from nc_tasks.errors import ArtefactsUnreachable
from nc_tasks.store import Job
from nc_tasks.store.rows import jobs, leases
from nc_tasks.worker.leased import Work, leased, reason_of
from nc_tasks.worker.process import WorkerProcess


@pytest.fixture
def job(worker: WorkerProcess) -> str:
    """A job that waits."""
    with worker.store.write() as session:
        return jobs.create(session, kind="classify", arguments={}).id


def held(worker: WorkerProcess, job: str) -> AbstractContextManager[Work | None]:
    """The job as work of this process; one that fails says why in its row."""

    def failed(work: Work, error: Exception) -> None:
        with worker.store.write() as session:
            reason = reason_of(error, of="the job")
            jobs.finish(session, job_id=job, attempt=work.attempt, state="failed", reason=reason)

    return leased(
        worker,
        claim=partial(jobs.claim, job_id=job),
        renew=partial(jobs.heartbeat, job_id=job),
        failed=failed,
        progress={"progress": 0.0},
    )


def row(worker: WorkerProcess, job: str) -> Job:
    with worker.store.read() as session:
        return jobs.get(session, job_id=job)


def test_work_is_ours_while_it_runs_and_each_beat_writes_how_far_it_is(worker: WorkerProcess, job: str) -> None:
    with held(worker, job) as work:
        assert work is not None
        assert (work.attempt, row(worker, job).state, row(worker, job).worker_id) == (1, "running", "host:1")
        # When it goes on, and the heartbeat beats
        work.progress = {"progress": 0.4}
        worker.heartbeat.beat()
        assert (row(worker, job).progress, work.lost) == (0.4, False)
        # Then nobody else gets it meanwhile
        with held(worker, job) as again:
            assert again is None
    # And what has ended is renewed no more
    work.progress = {"progress": 0.9}
    worker.heartbeat.beat()
    assert row(worker, job).progress == 0.4


def test_work_that_was_given_to_another_is_lost_and_nothing_it_writes_counts(worker: WorkerProcess, job: str) -> None:
    with held(worker, job) as work:
        assert work is not None
        with worker.store.write() as session:
            assert leases.release(session, Job, (job,), attempt=1)
            assert jobs.claim(session, job_id=job, worker_id="other", lease_seconds=60, max_attempts=3) == 2
        worker.heartbeat.beat()
        assert work.lost
        raise DataRefused("too late")
    assert (row(worker, job).state, row(worker, job).worker_id, row(worker, job).reason) == ("running", "other", None)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(DataRefused("no\npicture"), "no picture"), (ValueError("odd"), "ValueError: odd")],
)
def test_an_error_is_written_and_goes_no_further(
    worker: WorkerProcess, job: str, error: Exception, reason: str
) -> None:
    with held(worker, job):
        raise error
    assert (row(worker, job).state, row(worker, job).reason) == ("failed", reason)


@pytest.mark.parametrize(
    "error", [ArtefactsUnreachable("the bucket is away"), OperationalError("select", {}, Exception("locked"))]
)
def test_what_is_nobody_s_fault_leaves_the_work_to_the_next_attempt(
    worker: WorkerProcess, job: str, error: Exception
) -> None:
    with pytest.raises(type(error)), held(worker, job):
        raise error
    assert (row(worker, job).state, row(worker, job).attempt) == ("running", 1)
