"""A budget of minutes: what ends, what is still done, and what the verdict says, on a real store."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import update

from nc_core.scanning.rounds import SCREENED_FROM
from nc_tasks import workflow
from nc_tasks.store import Label, LabelKey
from nc_tasks.store.queries import findings
from nc_tasks.store.rows import budgets, detections, labels, lifecycle, submissions
from nc_tasks.store.tables.states import LABEL_ENDS
from nc_tasks.views.planning import plan_of
from nc_tasks.views.results import result_json
from nc_tasks.worker.process import WorkerProcess
from tests.nc_tasks.submissions import CLASSES, CLEAN, Messages, end, prepared, state
from tests.servers.databases import database_url as database_url

MINUTES = 10.0


def began(worker: WorkerProcess, submission_id: str, minutes_ago: float) -> None:
    """Let the preparation have begun so long ago."""
    with worker.store.write() as session:
        row = submissions.get(session, submission_id=submission_id)
        assert row.started_at is not None
        row.started_at -= timedelta(minutes=minutes_ago)


def begun(worker: WorkerProcess, *, classes: int = CLASSES, budget: float | None = MINUTES) -> str:
    submission_id = prepared(worker, classes, budget_minutes=budget, mitigate=())
    workflow.begin_scan(worker, submission_id)
    return submission_id


def states_of(worker: WorkerProcess, submission_id: str) -> dict[str, int]:
    with worker.store.read() as session:
        rows = findings.latest(session, submission_id=submission_id)
    return {name: sum(row.state == name for row in rows) for name in {row.state for row in rows}}


@pytest.mark.parametrize(
    ("budget", "minutes_ago", "ended"), [(MINUTES, 9.9, 0), (MINUTES, 10.1, CLASSES), (None, 1e5, 0)]
)
@pytest.mark.usefixtures("sent")
def test_labels_end_when_the_budget_is_used_up_and_not_before(
    worker: WorkerProcess, budget: float | None, minutes_ago: float, ended: int
) -> None:
    submission_id = begun(worker, budget=budget)
    began(worker, submission_id, minutes_ago)
    assert workflow.end_spent(worker.store) == ended
    assert workflow.end_spent(worker.store) == 0


@pytest.mark.usefixtures("sent")
def test_a_clean_looking_rest_is_inconclusive_and_says_what_was_left_out(worker: WorkerProcess) -> None:
    # Given a scan of twenty labels of which sixteen have ended when the budget is used up, and one runs
    submission_id = begun(worker)
    end(worker, submission_id, {label: float(CLEAN[label]) for label in range(16)})
    key = LabelKey(submission_id=submission_id, label=16, round=0)
    with worker.store.write() as session:
        assert labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3) == 1
    began(worker, submission_id, 11)
    assert workflow.end_spent(worker.store) == 4
    # Then the worker has lost its label, and what it found meanwhile is not written
    with worker.store.write() as session:
        assert not labels.finish(session, key=key, attempt=1, state="done", updates=9, norm=1.0)
    # When the round is taken to its end, then there is a verdict of what was looked at, without confirmations
    workflow.advance(worker, submission_id, 0)
    assert state(worker, submission_id) == "done"
    with worker.store.read() as session:
        result = result_json(session, submission_id)
    assert result["verdict"] == "inconclusive"
    assert result["reason"].startswith("16 of 20 labels were scanned, none is flagged")
    assert result["reason"].endswith("The budget of 10 minutes was used up.")
    rows = {row["label"]: row for row in result["labels"]}
    assert all(rows[label]["state"] == "done" for label in range(16))
    assert all(rows[label]["reason"] == "the budget of 10 minutes was used up" for label in range(16, 20))
    assert all(rows[label]["norm"] is None for label in range(16, 20))


def test_what_would_be_called_a_backdoor_is_confirmed_all_the_same(worker: WorkerProcess, sent: Messages) -> None:
    # Given a scan that has found a tiny trigger when its budget is used up
    submission_id = begun(worker)
    end(worker, submission_id, {label: float(CLEAN[label]) for label in range(16) if label != 7} | {7: 2.0})
    began(worker, submission_id, 11)
    workflow.end_spent(worker.store)
    # When the round is taken to its end
    workflow.advance(worker, submission_id, 0)
    # Then that label alone is inverted again, and a budget does not end a confirmation
    assert sent.labels[-1] == [7]
    assert workflow.end_spent(worker.store) == 0
    end(worker, submission_id, {7: 2.1}, round=1)
    workflow.advance(worker, submission_id, 1)
    with worker.store.read() as session:
        found = detections.get(session, submission_id=submission_id)
    assert found is not None
    assert (found.verdict, found.body["flagged_labels"]) == ("backdoored", [7])
    assert "4 of 20 labels were not looked at" in found.reason


@pytest.mark.parametrize("glanced", [0, 200, SCREENED_FROM])
@pytest.mark.usefixtures("sent")
def test_a_budget_that_ends_in_the_screening_ends_all_its_rounds(worker: WorkerProcess, glanced: int) -> None:
    # Given a scan that screens, of whose first round some labels have ended when the budget is used up
    submission_id = begun(worker, classes=SCREENED_FROM)
    norms = np.random.default_rng(1).normal(50, 9, glanced)
    glance(worker, submission_id, norms.tolist())
    began(worker, submission_id, 11)
    workflow.end_spent(worker.store)
    # When the round is taken to its end, once
    workflow.advance(worker, submission_id, 0)
    # Then there is a verdict; every label has one end; those that would have gone on are cancelled, nobody waits
    assert state(worker, submission_id) == "done"
    with worker.store.read() as session:
        rows = session.query(Label).filter_by(submission_id=submission_id).all()
        submission = submissions.get(session, submission_id=submission_id)
        found = detections.get(session, submission_id=submission_id)
    assert {row.state for row in rows} <= set(LABEL_ENDS)
    assert found is not None
    assert (found.verdict, found.body["flagged_labels"]) == ("inconclusive", [])
    left = plan_of(submission).after(0, dict(enumerate(norms.tolist())))
    assert states_of(worker, submission_id).get("cancelled", 0) == SCREENED_FROM - glanced + len(left)


def glance(worker: WorkerProcess, submission_id: str, norms: Sequence[float]) -> None:
    """End labels of the first screening in one statement."""
    with worker.store.write() as session:
        for label, norm in enumerate(norms):
            rows = update(Label).where(Label.submission_id == submission_id, Label.label == label, Label.round == 0)
            session.execute(rows.values(state="screened_out", norm=norm))


@pytest.mark.usefixtures("sent")
def test_a_preparation_that_used_the_budget_up_begins_no_label(worker: WorkerProcess, sent: Messages) -> None:
    submission_id = prepared(worker, budget_minutes=MINUTES)
    began(worker, submission_id, 11)
    workflow.begin_scan(worker, submission_id)
    assert sent.labels == []
    assert state(worker, submission_id) == "done"
    assert states_of(worker, submission_id) == {"cancelled": CLASSES}


@pytest.mark.usefixtures("sent")
def test_a_retry_has_a_budget_of_its_own_and_keeps_what_ended(worker: WorkerProcess) -> None:
    # Given a scan that its budget ended
    submission_id = begun(worker)
    end(worker, submission_id, {label: float(CLEAN[label]) for label in range(16)})
    began(worker, submission_id, 11)
    workflow.end_spent(worker.store)
    workflow.advance(worker, submission_id, 0)
    # When it is tried again
    with worker.store.write() as session:
        assert submissions.retry(session, submission_id=submission_id) == 4
        for name in ("preparing", "inverting"):
            assert lifecycle.set_state(session, submission_id=submission_id, state=name)
        assert not budgets.is_spent(session, submission_id=submission_id)
    # Then the four wait anew, and the others are done
    assert states_of(worker, submission_id) == {"done": 16, "queued": 4}
    assert workflow.end_spent(worker.store) == 0


@pytest.mark.usefixtures("sent")
def test_a_screening_that_nothing_survives_ends_in_a_verdict(worker: WorkerProcess) -> None:
    # Given a scan that screens, whose labels have all failed
    submission_id = begun(worker, classes=SCREENED_FROM, budget=None)
    with worker.store.write() as session:
        session.execute(update(Label).values(state="failed"))
    # When the step after the round is taken, then it is not an empty round that would never end
    workflow.advance(worker, submission_id, 0)
    assert state(worker, submission_id) == "done"
