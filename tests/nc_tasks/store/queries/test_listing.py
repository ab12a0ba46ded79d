"""Lists of submissions: what passes the filters, in which order, and what a line tells."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from nc_core.errors import OptionRefused
from nc_tasks.store import Store
from nc_tasks.store.queries import listing
from nc_tasks.store.queries.listing import Cursor, Filters
from nc_tasks.store.rows import labels, submissions
from tests import history
from tests.history import START


def ids(store: Store, **filters: object) -> list[str]:
    with store.read() as session:
        return [line.submission.id for line in listing.page(session, filters=Filters(**filters)).items]


@pytest.fixture
def five(store: Store) -> list[str]:
    """Five submissions, an hour apart, oldest first."""
    with store.write() as session:
        return [
            history.add(session, 0, verdict="clean", norms={0: 40.0, 1: 41.0}, owner="ann"),
            history.add(session, 1, verdict="backdoored", norms={0: 3.0, 1: 41.0}, flagged=[0], owner="bob"),
            history.add(session, 2, norms={0: 30.0}, model_name="Stop_100%.h5", owner="ann"),
            history.add(session, 3, data="f" * 64, data_name="faces.h5", owner="bob"),
            history.add(session, 4, verdict="backdoored", norms={0: 9.0, 1: 2.0}, flagged=[0, 1], owner="ann"),
        ]


def test_given_no_filter_then_all_are_listed_newest_first(store: Store, five: list[str]) -> None:
    assert ids(store) == five[::-1]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"owner": "ann"}, [4, 2, 0]),
        ({"state": "inverting"}, [2]),
        ({"state": "queued"}, [3]),
        ({"verdict": "backdoored"}, [4, 1]),
        ({"verdict": "backdoored", "owner": "bob"}, [1]),
        ({"flagged_label": 1}, [4]),
        ({"flagged_label": 0}, [4, 1]),
        ({"flagged_label": 7}, []),
        ({"model_sha256": f"{2:064x}"}, [2]),
        ({"data_sha256": "f" * 64}, [3]),
        ({"text": "FACES"}, [3]),
        ({"text": "stop_100%"}, [2]),
        ({"text": "stop%h5"}, []),
        ({"text": "badnet"}, [4, 3, 1, 0]),
        ({"created_after": START + timedelta(hours=3)}, [4, 3]),
        ({"created_before": START + timedelta(hours=1)}, [0]),
    ],
)
def test_given_a_filter_then_only_what_passes_is_listed(
    store: Store, five: list[str], filters: dict[str, object], expected: list[int]
) -> None:
    assert ids(store, **filters) == [five[number] for number in expected]


def test_given_letters_of_an_id_as_text_then_it_is_found(store: Store, five: list[str]) -> None:
    assert ids(store, text=five[1][:6].upper()) == [five[1]]


def test_given_pages_then_each_submission_stands_on_one_of_them_whatever_comes_meanwhile(store: Store) -> None:
    # Given twelve submissions, several of the same moment
    with store.write() as session:
        expected = {history.add(session, n, at=START + timedelta(hours=n // 4)) for n in range(12)}
    # When the pages are read one by one, and a newer one comes after each
    found: list[str] = []
    after: Cursor | None = None
    for newer in range(20, 40):
        with store.read() as session:
            page = listing.page(session, filters=Filters(), after=after, limit=5)
        found += [line.submission.id for line in page.items]
        with store.write() as session:
            history.add(session, newer)
        if page.following is None:
            break
        after = Cursor.parse(page.following.text())
    # Then every one of the twelve was shown exactly once
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("text", ["", "x", "12", "9" * 40 + "-a", "1.5-abc", "-"])
def test_given_a_cursor_that_is_none_then_it_is_refused(text: str) -> None:
    with pytest.raises(OptionRefused, match="is none of ours"):
        Cursor.parse(text)


def test_given_a_verdict_then_the_line_tells_smallest_label_flags_and_states(store: Store, five: list[str]) -> None:
    with store.read() as session:
        newest = listing.one(session, submission_id=five[4])
        running = listing.one(session, submission_id=five[2])
        queued = listing.one(session, submission_id=five[3])
        assert listing.one(session, submission_id="none") is None
    assert newest is not None
    assert running is not None
    assert queued is not None
    assert (newest.verdict, newest.smallest_label, newest.smallest_norm) == ("backdoored", 1, 2.0)
    assert (newest.flagged_labels, newest.label_states) == ((0, 1), {"done": 2})
    assert (running.verdict, running.smallest_norm, running.label_states) == (None, None, {"done": 1})
    assert queued.label_states == {}


def test_given_rounds_then_every_label_counts_once_by_its_last(store: Store, scanned: str) -> None:
    with store.write() as session:
        for label in range(4):
            history.end(session, scanned, label, state="screened_out", norm=50.0)
        labels.create(session, submission_id=scanned, labels=[1, 3], round=1, updates_budget=600)
        history.end(session, scanned, 3, round=1, norm=8.0)
        assert listing.label_states(session, submission_ids=[scanned]) == {
            scanned: {"screened_out": 2, "queued": 1, "done": 1}
        }


def test_given_a_retry_then_the_flags_of_the_old_detection_are_gone(store: Store) -> None:
    with store.write() as session:
        identity = history.add(session, 0, verdict="backdoored", norms={0: 3.0, 1: 41.0}, flagged=[0])
        submissions.restart(session, submission_id=identity)
    assert ids(store, flagged_label=0) == []
    with store.read() as session:
        line = listing.one(session, submission_id=identity)
    assert line is not None
    assert (line.verdict, line.flagged_labels, line.label_states) == (None, (), {"done": 2})


def test_given_many_lines_then_they_take_as_many_queries_as_one(store: Store, five: list[str]) -> None:
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    assert ids(store, text=five[0]) == [five[0]]
    one = len(asked)
    assert len(ids(store)) == 5
    assert len(asked) == 2 * one
