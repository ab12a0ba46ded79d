"""Whether there is anything to sweep: all that a look could find makes a service not quiet."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from nc_tasks.store import Delivery, Job, Store, Submission, Worker
from nc_tasks.store.queries.measures import SWEEPER
from nc_tasks.store.recovery import quiet
from nc_tasks.store.rows import deliveries, jobs, submissions, workers
from nc_tasks.store.tables.states import SUBMISSION_ENDS, SUBMISSION_SOURCES
from nc_tasks.store.tables.types import now

SILENT, LEASE = 15.0, 60.0


def is_quiet(store: Store) -> bool:
    with store.read() as session:
        return quiet.is_quiet(session, silent_seconds=SILENT, lease_seconds=LEASE)


def heard_of(session: Session, queue: str, *, seconds_ago: float) -> None:
    workers.register(session, worker_id=queue, queue=queue, pid=1, host="h", version="1", slots=1)
    session.flush()
    session.execute(update(Worker).values(last_seen=now(session) - timedelta(seconds=seconds_ago)))


def test_a_service_to_which_nothing_was_submitted_is_quiet(store: Store) -> None:
    assert is_quiet(store)


@pytest.mark.parametrize("state", list(SUBMISSION_SOURCES))
def test_a_submission_ends_the_quiet_until_it_has_ended(store: Store, scanned: str, state: str) -> None:
    with store.write() as session:
        session.execute(update(Submission).where(Submission.id == scanned).values(state=state))
    assert is_quiet(store) == (state in SUBMISSION_ENDS)


def test_a_job_ends_the_quiet_until_it_has_ended(store: Store) -> None:
    with store.write() as session:
        job = jobs.create(session, kind="classify", arguments={})
    assert not is_quiet(store)
    with store.write() as session:
        session.execute(update(Job).where(Job.id == job.id).values(state="done"))
    assert is_quiet(store)


def test_a_callback_ends_the_quiet_from_its_submission_s_end_until_it_is_sent(store: Store, scanned: str) -> None:
    with store.write() as session:
        deliveries.ask_for(session, submission_id=scanned, url="https://receiver.test/")
        submissions.cancel(session, submission_id=scanned)
    assert not is_quiet(store)
    for state, expected in (("queued", False), ("done", True), ("failed", True)):
        with store.write() as session:
            session.execute(update(Delivery).values(state=state, next_at=now(session) + timedelta(days=1)))
        assert is_quiet(store) == expected


@pytest.mark.parametrize(
    ("queue", "seconds_ago", "expected"),
    [
        ("labels", SILENT / 2, True),
        ("labels", 2 * SILENT, False),
        (SWEEPER, 2 * SILENT, True),
        (SWEEPER, 2 * LEASE, False),
        ("labels", -2 * LEASE, False),
    ],
)
def test_a_worker_that_is_silent_or_was_heard_of_in_time_to_come_ends_the_quiet(
    store: Store, queue: str, seconds_ago: float, expected: bool
) -> None:
    with store.write() as session:
        heard_of(session, queue, seconds_ago=seconds_ago)
    assert is_quiet(store) == expected
