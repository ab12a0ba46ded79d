"""The way of a submission, on a real store; only the sending of messages is watched instead of done."""

import numpy as np
import pytest
from sqlalchemy import update

from nc_tasks import workflow
from nc_tasks.store import LabelKey, Submission
from nc_tasks.store.rows import detections, labels, lifecycle, mitigations, submissions
from nc_tasks.views.planning import plan_of
from nc_tasks.views.results import result_json
from nc_tasks.worker.process import WorkerProcess
from tests.nc_tasks.submissions import CLASSES, CLEAN, SMALLEST, Messages, end, prepared, state
from tests.servers.databases import database_url as database_url

NEAR = 25.0
"""A norm beside `CLEAN` that is neither beyond chance nor well within it."""


def test_one_message_per_label_and_one_only(worker: WorkerProcess, sent: Messages) -> None:
    # Given a prepared submission
    submission_id = prepared(worker)
    # When its round begins, and begins again because a message came twice
    workflow.begin_scan(worker, submission_id)
    workflow.begin_scan(worker, submission_id)
    # Then every label was sent once
    assert sent.labels == [list(range(CLASSES))]
    assert state(worker, submission_id) == "inverting"


def test_the_labels_are_as_urgent_as_their_submission(worker: WorkerProcess, sent: Messages) -> None:
    for seed, urgency in enumerate(("high", "low")):
        identity = prepared(worker, seed=seed)
        with worker.store.write() as session:
            session.execute(update(Submission).where(Submission.id == identity).values(priority=urgency))
        workflow.begin_scan(worker, identity)
    assert sent.urgencies == ["high", "low"]


def test_only_the_asked_labels_are_sent(worker: WorkerProcess, sent: Messages) -> None:
    # Given a submission for three labels
    submission_id = prepared(worker, labels=(2, 3, 19))
    # When its round begins, then these are sent
    workflow.begin_scan(worker, submission_id)
    assert sent.labels == [[2, 3, 19]]


def test_a_clean_round_ends_the_submission_once(worker: WorkerProcess, sent: Messages) -> None:
    # Given all norms of a clean model
    submission_id = prepared(worker)
    workflow.begin_scan(worker, submission_id)
    end(worker, submission_id, dict(enumerate(CLEAN)))
    # When the callback comes, then the smallest labels are inverted again
    workflow.advance(worker, submission_id, 0)
    assert sent.labels[1:] == [SMALLEST]
    end(worker, submission_id, {label: float(CLEAN[label]) for label in SMALLEST}, round=1)
    # When the callback of that round comes, and comes again
    workflow.advance(worker, submission_id, 1)
    with worker.store.read() as session:
        first = detections.get(session, submission_id=submission_id)
    workflow.advance(worker, submission_id, 1)
    # Then there is one detection, unchanged, and no repair
    with worker.store.read() as session:
        second = detections.get(session, submission_id=submission_id)
    assert first is not None
    assert second is not None
    assert (first.verdict, first.created_at) == ("clean", second.created_at)
    assert state(worker, submission_id) == "done"
    assert sent.repairs == []


@pytest.mark.parametrize(("mitigate", "repairs"), [(("unlearning",), ["unlearning"]), ((), [])])
def test_a_label_that_leaves_the_verdict_open_is_repaired_as_a_precaution(
    worker: WorkerProcess, sent: Messages, mitigate: tuple[str, ...], repairs: list[str]
) -> None:
    # Given a label whose p-value lies between the error rate and twice it
    submission_id = prepared(worker, mitigate=mitigate)
    workflow.begin_scan(worker, submission_id)
    end(worker, submission_id, {**dict(enumerate(CLEAN)), 7: NEAR})
    workflow.advance(worker, submission_id, 0)
    (again,) = sent.labels[1:]
    end(worker, submission_id, {**{label: float(CLEAN[label]) for label in again}, 7: NEAR}, round=1)
    workflow.advance(worker, submission_id, 1)
    # Then nothing is flagged and the verdict stays open, with a repair of that label where one was asked for
    with worker.store.read() as session:
        found = detections.get(session, submission_id=submission_id)
    assert found is not None
    assert found.verdict == "inconclusive"
    assert 0.05 < found.body["p_value"] <= 0.1
    assert (found.body["flagged_labels"], found.body["suspects"]) == ([], [7])
    assert sent.repairs == repairs
    assert state(worker, submission_id) == ("repairing" if repairs else "done")


def test_a_backdoored_round_queues_the_repair_and_its_end_ends_the_submission(
    worker: WorkerProcess, sent: Messages
) -> None:
    # Given one label with a tiny norm
    submission_id = prepared(worker)
    workflow.begin_scan(worker, submission_id)
    end(worker, submission_id, {**dict(enumerate(CLEAN)), 7: 3.0})
    # When the callback comes, then it and the smallest clean one are inverted again before anything is recorded
    workflow.advance(worker, submission_id, 0)
    second = int(CLEAN.argmin())
    assert sent.labels[1:] == [sorted((second, 7))]
    assert sent.repairs == []
    # When it is as small again
    end(worker, submission_id, {7: 3.5, second: float(CLEAN[second])}, round=1)
    workflow.advance(worker, submission_id, 0)
    workflow.advance(worker, submission_id, 1)
    # Then it is flagged and its repair is queued
    assert sent.repairs == ["unlearning"]
    assert state(worker, submission_id) == "repairing"
    with worker.store.write() as session:
        found = detections.get(session, submission_id=submission_id)
        assert found is not None
        assert found.body["flagged_labels"] == [7]
        # And when the repair fails, the reason stands in its row
        attempt = mitigations.claim(
            session,
            submission_id=submission_id,
            method="unlearning",
            worker_id="host:1",
            lease_seconds=60,
            max_attempts=3,
        )
        assert attempt is not None
        mitigations.finish(
            session,
            submission_id=submission_id,
            method="unlearning",
            attempt=attempt,
            state="failed",
            reason="no memory",
        )
    workflow.conclude(worker.store, submission_id, patience_seconds=60)
    # Then the submission has ended
    assert state(worker, submission_id) == "done"


def test_a_label_that_was_small_by_luck_is_not_flagged(worker: WorkerProcess, sent: Messages) -> None:
    # Given one label with a tiny norm
    submission_id = prepared(worker)
    workflow.begin_scan(worker, submission_id)
    end(worker, submission_id, {**dict(enumerate(CLEAN)), 7: 3.0})
    workflow.advance(worker, submission_id, 0)
    # When two more inversions of it are not small
    end(worker, submission_id, {label: float(CLEAN[label]) for label in (7, int(CLEAN.argmin()))}, round=1)
    workflow.advance(worker, submission_id, 1)
    # Then the model is clean
    with worker.store.read() as session:
        found = detections.get(session, submission_id=submission_id)
    assert found is not None
    assert found.verdict == "clean"
    assert sent.repairs == []


def test_a_backdoor_that_was_unlucky_at_first_is_flagged(worker: WorkerProcess, sent: Messages) -> None:
    # Given a label that is the smallest, but not by enough to be flagged
    submission_id = prepared(worker)
    workflow.begin_scan(worker, submission_id)
    end(worker, submission_id, {**dict(enumerate(CLEAN)), 7: 0.9 * float(CLEAN.min())})
    workflow.advance(worker, submission_id, 0)
    # When two more inversions of it are tiny
    second = int(CLEAN.argmin())
    assert sent.labels[1:] == [sorted((second, 7))]
    end(worker, submission_id, {7: 3.5, second: float(CLEAN[second])}, round=1)
    workflow.advance(worker, submission_id, 1)
    # Then the model is backdoored
    with worker.store.read() as session:
        found = detections.get(session, submission_id=submission_id)
    assert found is not None
    assert found.body["flagged_labels"] == [7]


@pytest.mark.parametrize("smallest", [9.0, 140.0])
def test_of_many_labels_most_are_screened_out(worker: WorkerProcess, sent: Messages, smallest: float) -> None:
    # Given 300 labels, of which 123 is small from the beginning, and stays so or comes to the size of the others
    norms = np.exp(np.random.default_rng(1).normal(5.0, 0.3, 300))
    norms[123] = 9.0
    submission_id = prepared(worker, classes=300, mitigate=())
    workflow.begin_scan(worker, submission_id)
    with worker.store.read() as session:
        rounds = plan_of(submissions.get(session, submission_id=submission_id))
    # When each screening has ended, and its callback comes twice
    for number in range(rounds.screenings):
        going = {label: float(norms[label]) for label in sent.labels[number]}
        end(worker, submission_id, going, round=number, ends="screened_out")
        workflow.advance(worker, submission_id, number)
        workflow.advance(worker, submission_id, number)
        # Then the smallest and the reference go on, once
        assert len(sent.labels) == number + 2
        assert sent.labels[-1] == list(rounds.after(number, going))
    # When the inversion and the confirmation have ended
    for number in (rounds.screenings, rounds.screenings + 1):
        ends = {label: float(norms[label]) for label in sent.labels[-1]}
        end(worker, submission_id, {**ends, 123: smallest}, round=number)
        workflow.advance(worker, submission_id, number)
    # Then the label is flagged, and the rest is told as screened out
    with worker.store.read() as session:
        result = result_json(session, submission_id)
    assert result["flagged_labels"] == [123]
    row = result["labels"][123]
    assert (row["norm"], row["screened_norm"]) == (smallest, 9.0)
    assert "early" in row["rules"]
    # By its norm over a median of the reference alone
    assert ("outlier" in row["rules"]) == (smallest == 9.0)
    assert result["reference_size"] == len(rounds.reference - {123})
    states = {entry["label"]: entry["state"] for entry in result["labels"]}
    assert set(states) == set(range(300))
    assert {label for label, state in states.items() if state == "done"} == set(sent.labels[rounds.screenings])
    assert set(states.values()) == {"done", "screened_out"}
    # And what a label took is told of all its rounds
    taken = {entry["label"]: entry["updates"] for entry in result["labels"]}
    assert taken[123] == 10 * (rounds.screenings + 2)


def test_no_repair_where_none_is_wanted(worker: WorkerProcess, sent: Messages) -> None:
    # Given --mitigate none
    submission_id = prepared(worker, mitigate=())
    workflow.begin_scan(worker, submission_id)
    end(worker, submission_id, {**dict(enumerate(CLEAN)), 7: 3.0})
    # When it turns out backdoored, then that ends it
    workflow.advance(worker, submission_id, 0)
    end(worker, submission_id, {7: 3.5, int(CLEAN.argmin()): float(CLEAN.min())}, round=1)
    workflow.advance(worker, submission_id, 1)
    assert state(worker, submission_id) == "done"
    assert sent.repairs == []


@pytest.mark.usefixtures("sent")
def test_a_result_says_that_the_device_had_memory_for_fewer_slots(worker: WorkerProcess) -> None:
    # Given a submission that was planned with eight slots, whose device had memory for four
    submission_id = prepared(worker, mitigate=())
    with worker.store.write() as session:
        submissions.get(session, submission_id=submission_id).preflight = {"slots": 8, "warnings": ["few images"]}
    workflow.begin_scan(worker, submission_id)
    with worker.store.write() as session:
        assert lifecycle.halve_slots(session, submission_id=submission_id, slots=8) == 1
        assert lifecycle.halve_slots(session, submission_id=submission_id, slots=8) == 0
    # When it has ended
    end(worker, submission_id, dict(enumerate(CLEAN)))
    workflow.advance(worker, submission_id, 0)
    end(worker, submission_id, {label: float(CLEAN[label]) for label in SMALLEST}, round=1)
    workflow.advance(worker, submission_id, 1)
    # Then the result says so beside what preflight had to say
    with worker.store.read() as session:
        result = result_json(session, submission_id)
    assert result["slots"] == 4
    few, fewer = result["preflight"]["warnings"]
    assert few == "few images"
    assert "out of memory with 8 labels in one batch and went on with 4" in fewer


def test_a_callback_that_comes_early_sends_what_was_given_back(worker: WorkerProcess, sent: Messages) -> None:
    # Given a round in which one label was given back by a worker that stopped, one still runs, and one waits
    submission_id = prepared(worker)
    workflow.begin_scan(worker, submission_id)
    end(worker, submission_id, {label: float(CLEAN[label]) for label in range(CLASSES - 3)})
    back, runs = (LabelKey(submission_id=submission_id, label=CLASSES - n, round=0) for n in (3, 2))
    with worker.store.write() as session:
        for key in (back, runs):
            labels.claim(session, key=key, worker_id="host:2", lease_seconds=60, max_attempts=3)
        assert labels.release(session, key=back, attempt=1)
    # When the callback of the first messages comes, and comes again
    workflow.advance(worker, submission_id, 0)
    workflow.advance(worker, submission_id, 0)
    # Then exactly that one is sent again, once, and there is no detection yet
    assert sent.labels[1:] == [[CLASSES - 3]]
    with worker.store.read() as session:
        assert detections.get(session, submission_id=submission_id) is None


def test_what_was_prepared_by_a_worker_that_died_then_is_begun_by_the_next(
    worker: WorkerProcess, sent: Messages
) -> None:
    # Given a worker that died between the end of the preparation and the first message
    submission_id = prepared(worker)
    # When the submission is carried on, then its labels are sent
    workflow.carry_on(worker, submission_id)
    assert sent.labels == [list(range(CLASSES))]
    assert state(worker, submission_id) == "inverting"
