"""Two submissions side by side."""

import json
from collections.abc import Iterator

import pytest

from nc_tasks.errors import NoSuchSubmission
from nc_tasks.settings import Settings
from nc_tasks.store import Store, open_store
from nc_tasks.views.comparison import compare
from tests import history

NORMS = {0: 40.0, 1: 30.0, 2: 50.0, 3: 45.0, 4: 36.0}


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    store = open_store(Settings(home=tmp_path))
    yield store
    store.close()


def test_given_a_new_version_with_a_backdoor_then_its_label_has_drifted(store: Store) -> None:
    # Given a model and its next version: all norms a tenth larger, but one a tenth of what it was
    later = {label: 1.1 * norm for label, norm in NORMS.items()} | {3: 4.5}
    with store.write() as session:
        left = history.add(session, 0, verdict="clean", norms=NORMS)
        right = history.add(session, 1, verdict="backdoored", norms=later, flagged=[3], seed=7)
    # When they are compared
    with store.read() as session:
        found = compare(session, left=left, right=right)
    # Then
    assert found.ratio == pytest.approx(1.1)
    assert (found.drifted, found.newly_flagged, found.no_longer_flagged) == ([3], [3], [])
    assert (found.left.verdict, found.right.verdict) == ("clean", "backdoored")
    assert (found.same_model, found.same_data, found.options) == (False, True, {"seed": (0, 7)})
    assert [pair.label for pair in found.labels] == [0, 1, 2, 3, 4]
    told = json.loads(json.dumps(found.to_json()))
    assert told["options"] == {"seed": [0, 7]}
    assert told["labels"][3]["ratio"] == pytest.approx(0.1)
    assert told["labels"][3]["right"]["flagged"]


def test_given_a_repair_that_a_label_follows_then_it_is_not_among_the_flagged_of_its_side(store: Store) -> None:
    with store.write() as session:
        left, right = (
            history.add(session, number, verdict="backdoored", norms=NORMS, flagged=[1, 4]) for number in (0, 1)
        )
        history.repair(session, submission_id=right, goodnet="a" * 64, guarded="b" * 64, followers=[4])
    with store.read() as session:
        found = compare(session, left=left, right=right)
    assert (found.left.flagged_labels, found.right.flagged_labels) == ([1, 4], [1])
    assert found.no_longer_flagged == [4]
    assert [pair.label for pair in found.labels if pair.right is not None and pair.right.flagged] == [1]


def test_given_a_submission_against_itself_then_nothing_differs(store: Store) -> None:
    with store.write() as session:
        identity = history.add(session, 0, verdict="clean", norms=NORMS)
    with store.read() as session:
        found = compare(session, left=identity, right=identity)
    assert (found.ratio, found.drifted, found.options, found.same_model) == (1.0, [], {}, True)


def test_given_a_side_without_norms_then_labels_stand_alone_and_nothing_has_drifted(store: Store) -> None:
    with store.write() as session:
        left = history.add(session, 0, verdict="clean", norms=NORMS)
        right = history.add(session, 1)
    with store.read() as session:
        found = compare(session, left=left, right=right)
    assert (found.ratio, found.drifted, found.right.verdict) == (None, [], None)
    assert all(pair.right is None and pair.ratio is None for pair in found.labels)


def test_given_an_id_that_is_none_then_it_is_refused(store: Store) -> None:
    with store.read() as session, pytest.raises(NoSuchSubmission):
        compare(session, left="none", right="none")
