"""How far a batch is: what was judged before takes no time of it, the rest goes on at the pace so far."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from api.progress.batches import BatchProgress, progress_of
from nc_tasks.settings import Settings
from nc_tasks.store import Label, Store, Submission, open_store
from nc_tasks.store.queries import listing
from nc_tasks.store.queries.listing import Filters
from nc_tasks.store.rows import batches, labels, lifecycle, submissions
from nc_tasks.store.tables.types import now
from tests import history

NORMS = dict.fromkeys(range(4), 20.0)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


def begun(store: Store, submission_id: str, *, seconds_ago: float) -> None:
    with store.write() as session:
        moment = now(session) - timedelta(seconds=seconds_ago)
        values = {"started_at": moment, "inverting_at": moment}
        session.execute(update(Submission).where(Submission.id == submission_id).values(**values))


def inverting(store: Store, number: int, *, updates: int, seconds_ago: float) -> str:
    """A submission whose four labels have so many of 600 updates each; nothing is left to a second round."""
    with store.write() as session:
        identity = history.add(session, number)
        for state in ("preparing", "inverting"):
            lifecycle.set_state(session, submission_id=identity, state=state)
        session.execute(update(Submission).where(Submission.id == identity).values(classes=4, labels_total=4))
        labels.create(session, submission_id=identity, labels=NORMS, round=0, updates_budget=600)
        session.execute(update(Label).where(Label.submission_id == identity).values(updates=updates))
    begun(store, identity, seconds_ago=seconds_ago)
    return identity


def progress(store: Store, *ids: str, made_seconds_ago: float) -> BatchProgress:
    with store.write() as session:
        batch = batches.make(session, owner="local", submission_ids=ids)
    with store.read() as session:
        page = listing.page(session, filters=Filters(batch=batch))
        return progress_of(session, page.items, since=now(session) - timedelta(seconds=made_seconds_ago))


def test_given_one_of_two_judged_then_the_other_takes_as_long_again(store: Store) -> None:
    with store.write() as session:
        judged = history.add(session, 1, verdict="clean", norms=NORMS)
        waits = history.add(session, 2)
    begun(store, judged, seconds_ago=60)
    found = progress(store, judged, waits, made_seconds_ago=70)
    assert found.share == 0.5
    assert found.shares == {judged: 1.0, waits: 0.0}
    assert found.seconds_left == pytest.approx(60, abs=5)


def test_given_one_that_was_judged_before_then_the_pace_is_that_of_the_others(store: Store) -> None:
    with store.write() as session:
        before = history.add(session, 1, verdict="clean", norms=NORMS)
    begun(store, before, seconds_ago=600)
    at_work = inverting(store, 2, updates=300, seconds_ago=100)
    found = progress(store, before, at_work, made_seconds_ago=120)
    share = found.shares[at_work]
    assert 0.1 < share < 0.5  # half of the first round; labels are confirmed after it
    expected = pytest.approx((1 - share) / share * 100, rel=0.05)
    assert found.seconds == {at_work: expected}
    assert found.seconds_left == expected


def test_given_nothing_begun_or_nothing_left_then_no_time_is_promised(store: Store) -> None:
    with store.write() as session:
        waits = history.add(session, 1)
    assert progress(store, waits, made_seconds_ago=9).seconds_left is None
    with store.write() as session:
        submissions.cancel(session, submission_id=waits)
    found = progress(store, waits, made_seconds_ago=9)
    assert (found.share, found.seconds_left) == (1.0, None)
