"""Batches on each kind of database: the same submissions together are the same batch."""

from collections.abc import Callable

import pytest

from nc_tasks.errors import NotFound
from nc_tasks.store import Store, Submission
from nc_tasks.store.queries import listing
from nc_tasks.store.queries.listing import Filters
from nc_tasks.store.rows import batches, labels, removal, submissions

Submit = Callable[..., Submission]


def make(store: Store, *ids: str, owner: str = "ann") -> str:
    with store.write() as session:
        return batches.make(session, owner=owner, submission_ids=ids)


def test_the_same_submissions_are_the_same_batch_of_an_owner_whatever_their_order(store: Store, submit: Submit) -> None:
    first, second, third = (submit(model=letter).id for letter in "abc")
    batch = make(store, first, second, first)
    assert make(store, second, first) == batch == batches.id_of("ann", [first, second])
    assert make(store, first, second, owner="bob") != batch
    assert make(store, first, third) != batch
    with store.read() as session:
        found = batches.get(session, batch_id=batch, owner="ann")
        assert (found.submissions, found.owner) == (2, "ann")
        assert batches.members(session, batch_id=batch) == sorted([first, second])
        page = listing.page(session, filters=Filters(batch=batch))
        assert {one.submission.id for one in page.items} == {first, second}


def test_given_another_owner_or_none_such_then_nobody_is_told_that_there_is_a_batch(
    store: Store, submit: Submit
) -> None:
    batch = make(store, submit().id)
    with store.read() as session:
        for asked, owner in ((batch, "bob"), ("0" * 12, None)):
            with pytest.raises(NotFound, match="no batch has the id"):
                batches.get(session, batch_id=asked, owner=owner)


def test_when_a_submission_is_deleted_then_its_batch_is_without_it_and_gone_with_the_last(
    store: Store, submit: Submit
) -> None:
    both = [submit(model=letter).id for letter in "ab"]
    batch = make(store, *both)
    for number, each in enumerate(both):
        with store.write() as session:
            submissions.cancel(session, submission_id=each)
            removal.remove(session, submission_id=each)
        with store.read() as session:
            left = batches.latest_with(session, submission_id=both[1])
            assert (left and left.submissions) == (None if number else 1)
    with store.read() as session, pytest.raises(NotFound):
        batches.get(session, batch_id=batch)


def test_labels_of_many_submissions_are_counted_as_those_of_one(store: Store, submit: Submit, scanned: str) -> None:
    other = submit(model="b").id
    with store.read() as session:
        found = labels.counts_of_rounds(session, submission_ids=[scanned, other])
        assert found == {scanned: labels.counts(session, submission_id=scanned, round=0)}
