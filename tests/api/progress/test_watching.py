"""Snapshots of a submission: its phase, its shares, and what is said beside them."""

from collections.abc import Callable
from typing import Any

import pytest

from api.progress.snapshot import detail, shares
from api.progress.watching import snapshot, watch
from nc_tasks.settings import Settings
from nc_tasks.store import LabelKey, LabelProgress, open_store
from nc_tasks.store.rows import labels, lifecycle
from tests.api.snapshots import seen

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]


@pytest.mark.parametrize(
    ("until", "phase", "ended", "inversion"),
    [
        ("prepared", "inversion", 0, 0.0),
        ("labels", "inversion", 43, 43 * 60 / (43 * 60 + 3 * 2 * 60)),
        ("detection", "repair", 43, 1.0),
        ("done", None, 43, 1.0),
    ],
)
def test_the_phase_follows_the_rows(
    settings: Settings,
    stored: Stored,
    make_result: Make,
    until: str,
    phase: str | None,
    ended: int,
    inversion: float,
) -> None:
    identity = stored(make_result(infected={33: 8.2}), until=until)
    store = open_store(settings)
    with store.read() as session:
        found = snapshot(session, identity)
    store.close()
    assert (found.phase, found.labels_ended, found.labels) == (phase, ended, 43)
    assert found.inversion == pytest.approx(inversion)


def test_running_labels_count_with_their_updates(settings: Settings, stored: Stored, make_result: Make) -> None:
    # Given two labels with a budget of 400 updates each, one of which has done 100; one will be confirmed, twice
    identity = stored(make_result(classes=2), until="prepared")
    store = open_store(settings)
    key = LabelKey(submission_id=identity, label=0, round=0)
    with store.write() as session:
        attempt = labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3)
        assert attempt is not None
        told = LabelProgress(key=key, attempt=attempt, updates=100)
        labels.heartbeat(session, lease_seconds=60, progress=[told])
    with store.read() as session:
        found = snapshot(session, identity)
    store.close()
    assert found.inversion == pytest.approx(100 / 800 / 2)


def test_a_confirmation_is_told_as_such_and_not_as_more_labels(
    settings: Settings, stored: Stored, make_result: Make
) -> None:
    # Given a scan of which one label is inverted again
    identity = stored(make_result(classes=5), until="labels")
    store = open_store(settings)
    with store.write() as session:
        assert lifecycle.next_round(session, submission_id=identity, round=1)
        labels.create(session, submission_id=identity, labels=[3], round=1, updates_budget=800)
    with store.read() as session:
        found = snapshot(session, identity)
    store.close()
    # Then the labels are still five, and the phase is still the inversion
    assert (found.phase, found.labels_total, found.purpose) == ("inversion", 5, "confirmation")
    assert detail("inversion", found) == "confirming 0 of 1 label"


def test_rounds_of_a_screening_say_which_they_are() -> None:
    screening = seen(purpose="screening", round=1, screenings=3, labels_ended=120, labels=434, labels_total=1283)
    assert detail("inversion", screening) == "screening 2 of 3: 120 of 434 labels"
    assert detail("inversion", seen(phase="repair", state="repairing", labels_total=1283)) == "1,283 labels"


def test_watching_ends_with_the_submission(settings: Settings, stored: Stored, make_result: Make) -> None:
    identity = stored(make_result(), until="labels")
    store = open_store(settings)
    states = []
    for found in watch(store, identity, every=0.0):
        states.append(found.state)
        if len(states) == 2:
            with store.write() as session:
                lifecycle.fail(session, submission_id=identity, reason="the worker died three times")
    store.close()
    assert states == ["inverting", "inverting", "failed"]
    assert found.reason == "the worker died three times"


def test_shares_of_phases_that_are_over_running_to_come_and_not_needed() -> None:
    assert shares(seen()) == {"prepare": 1.0, "inversion": 0.3, "detection": 0.0, "repair": 0.0}
    repairing = seen(state="repairing", phase="repair", repairs=1, repair=0.5, inversion=1.0)
    assert shares(repairing) == {"prepare": 1.0, "inversion": 1.0, "detection": 1.0, "repair": 0.5}
    clean = seen(state="done", phase=None, inversion=1.0)
    assert shares(clean) == {"prepare": 1.0, "inversion": 1.0, "detection": 1.0, "repair": 0.0}
