"""Snapshots of a submission, and what bars and lines make of them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from api.progress import BarDisplay, LineDisplay, detail, shares
from api.watching import Snapshot, snapshot, watch
from nc_tasks.settings import Settings
from nc_tasks.store import LabelKey, LabelProgress, open_store
from nc_tasks.store.rows import labels, lifecycle

Make = Callable[..., dict[str, Any]]
Stored = Callable[..., str]


def seen(**values: Any) -> Snapshot:
    first = {"state": "inverting", "phase": "inversion", "reason": None, "labels_total": 43}
    second = {"purpose": "inversion", "round": 0, "screenings": 0, "labels_ended": 12, "labels": 43}
    return Snapshot(**{**first, **second, "inversion": 0.3, "repairs": 0, "repair": 0.0, **values})


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


def test_lines_come_at_every_new_phase_and_every_ten_seconds() -> None:
    clock = iter([0.0, 0.0, 1.0, 2.0, 9.0, 12.5, 13.0, 14.0]).__next__
    output = io.StringIO()
    with LineDisplay(Console(file=output, width=100), clock) as display:
        for found in [
            seen(state="preparing", phase="prepare"),
            seen(inversion=0.0, labels_ended=0),
            seen(),
            seen(),
            seen(inversion=0.6, labels_ended=20),
            seen(),
            seen(state="repairing", phase="repair", repairs=1, repair=0.25),
        ]:
            display.show(found)
    assert output.getvalue().splitlines() == [
        "Preparing: 0.0 s",
        "Reversing triggers: 0%, 0 of 43 labels, 1.0 s",
        "Reversing triggers: 60%, 20 of 43 labels, 12 s",
        "Repair: 25%, 14 s",
    ]


def test_bars_show_the_phases_that_have_begun() -> None:
    output = io.StringIO()
    console = Console(file=output, width=110, force_terminal=True)
    with BarDisplay(console) as display:
        display.show(seen())
    shown = output.getvalue()
    assert "Preparing" in shown
    assert "12 of 43 labels" in shown
    assert "Repair" not in shown


def test_a_console_that_is_no_terminal_gets_lines(tmp_path: Path) -> None:
    from api.progress import display_for

    with (tmp_path / "log").open("w") as file:
        assert isinstance(display_for(Console(file=file)), LineDisplay)
    assert isinstance(display_for(Console(file=io.StringIO(), force_terminal=True)), BarDisplay)
