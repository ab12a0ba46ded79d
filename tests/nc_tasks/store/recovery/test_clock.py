"""The system's clock cannot be moved here; moving what was written ahead is the same to the store."""

from datetime import timedelta

from sqlalchemy.orm import Session

from nc_tasks.store import Delivery, Label, LabelKey, Store
from nc_tasks.store.recovery import clock
from nc_tasks.store.rows import deliveries, labels, lifecycle, outbox, submissions, workers
from nc_tasks.store.tables.types import now

LEASE = 60.0
HOUR = timedelta(hours=1)


def claim(session: Session, submission_id: str) -> Label:
    key = LabelKey(submission_id=submission_id, label=0, round=0)
    assert labels.claim(session, key=key, worker_id="w", lease_seconds=LEASE, max_attempts=3) == 1
    return next(iter(labels.of_round(session, submission_id=submission_id, round=0)))


def send(session: Session) -> None:
    needy = outbox.unsent(Label, epoch="e", moment=now(session), patience_seconds=LEASE, lost=False)
    outbox.take(session, Label, needy=needy)


def test_given_a_clock_that_goes_on_then_nothing_was_set_back(store: Store, scanned: str) -> None:
    with store.write() as session:
        claim(session, scanned)
        send(session)
        workers.register(session, worker_id="w", queue="labels", pid=1, host="h", version="1", slots=4)
        assert lifecycle.nudge(session, submission_id=scanned, patience_seconds=LEASE)
        deliveries.ask_for(session, submission_id=scanned, url="https://receiver.test/")
        assert not clock.was_set_back(session, lease_seconds=LEASE)
        assert clock.bring_back(session, lease_seconds=LEASE) == 0


def test_given_a_clock_that_was_set_back_then_a_lease_lasts_no_longer_than_a_lease(store: Store, scanned: str) -> None:
    with store.write() as session:
        row = claim(session, scanned)
        assert row.lease_until is not None
        row.lease_until += HOUR
        session.flush()
        assert clock.was_set_back(session, lease_seconds=LEASE)
        assert clock.bring_back(session, lease_seconds=LEASE) == 1
        session.expire_all()
        assert row.lease_until <= now(session) + timedelta(seconds=LEASE)
        assert row.state == "running"
        assert not clock.was_set_back(session, lease_seconds=LEASE)


def test_given_a_clock_that_was_set_back_then_what_was_sent_was_sent_now(store: Store, scanned: str) -> None:
    with store.write() as session:
        send(session)
        workers.register(session, worker_id="w", queue="labels", pid=1, host="h", version="1", slots=4)
        assert lifecycle.nudge(session, submission_id=scanned, patience_seconds=LEASE)
        submission = submissions.get(session, submission_id=scanned)
        worker = workers.live(session, within_seconds=LEASE)[0]
        rows = list(labels.of_round(session, submission_id=scanned, round=0))
        assert submission.nudged_at
        submission.nudged_at += HOUR
        worker.last_seen += HOUR
        for row in rows:
            assert row.published_at
            row.published_at += HOUR
        session.flush()
        assert clock.bring_back(session, lease_seconds=LEASE) == len(rows) + 2
        session.expire_all()
        times = [submission.nudged_at, worker.last_seen, *(row.published_at for row in rows)]
        assert all(time is not None and time <= now(session) for time in times)


def test_given_a_clock_that_was_set_back_then_a_callback_waits_no_longer_than_the_longest_pause(
    store: Store, scanned: str
) -> None:
    with store.write() as session:
        deliveries.ask_for(session, submission_id=scanned, url="https://receiver.test/")
        delivery = session.query(Delivery).one()
        delivery.state, delivery.next_at = "queued", now(session) + timedelta(days=30)
        session.flush()
        assert clock.bring_back(session, lease_seconds=LEASE) == 1
        session.expire_all()
        assert delivery.next_at is not None
        assert delivery.next_at <= now(session) + timedelta(seconds=max(deliveries.PAUSES))
