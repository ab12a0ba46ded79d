"""What the verdict and the repair that is kept say of each label."""

from collections.abc import Iterator
from typing import Any

import pytest

from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.store.queries.listing import Filters, page
from nc_tasks.store.rows import detections, submissions
from nc_tasks.views.labels import label_verdicts, labels_of
from tests import history

NORMS = {6: 4.0, 7: 40.0, 24: 6.0}


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


def scan(store: Store, **repair: Any) -> str:
    """A scan that flags 6 and 24; repair: of its repair, none without a word."""
    with store.write() as session:
        identity = history.add(session, 0, verdict="backdoored", norms=NORMS, flagged=[6, 24])
        if repair:
            history.repair(session, submission_id=identity, goodnet="a" * 64, guarded="b" * 64, **repair)
    return identity


def said(store: Store, identity: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Flagged labels and followers."""
    with store.read() as session:
        found = label_verdicts(session, detections.get(session, submission_id=identity))
    return found.flagged, found.followers


def test_given_no_repair_then_what_was_detected_is_flagged(store: Store) -> None:
    assert said(store, scan(store)) == ((6, 24), ())


def test_given_a_kept_repair_then_its_followers_are_no_flagged_labels(store: Store) -> None:
    # Given a repair of 6 after which nothing small is left of 24; 7 was never flagged
    identity = scan(store, followers=[7, 24])
    # Then
    assert said(store, identity) == ((6,), (24,))
    with store.read() as session:
        rows = labels_of(session, submissions.get(session, submission_id=identity))
    assert [(row["label"], row["flagged"], row["follower"]) for row in rows] == [
        (6, True, False),
        (7, False, False),
        (24, False, True),
    ]
    # a follower was seen, whatever its numbers say
    assert [row["outcome"] for row in rows if row["label"] == 24] == [True]


def test_given_a_repair_that_is_not_kept_then_nothing_follows(store: Store) -> None:
    assert said(store, scan(store, followers=[24], keep=False)) == ((6, 24), ())


def test_given_no_verdict_then_nothing_is_said(store: Store) -> None:
    with store.write() as session:
        identity = history.add(session, 0, norms=NORMS)
    assert said(store, identity) == ((), ())


def test_lists_name_the_leading_labels_and_are_searched_by_all_that_were_detected(store: Store) -> None:
    scan(store, followers=[24])
    with store.read() as session:
        found = page(session, filters=Filters(flagged_label=24)).items
    assert [line.flagged_labels for line in found] == [(6,)]
