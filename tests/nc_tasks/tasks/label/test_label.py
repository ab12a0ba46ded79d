"""The label task on a real store; only the engine is replaced."""

from dataclasses import replace

import numpy as np
import pytest

from nc_core.errors import Cancelled, CleanseError, OutOfDeviceMemory
from nc_core.inversion import Inversion
from nc_tasks.store import LabelKey, Submission
from nc_tasks.store.queries import findings
from nc_tasks.store.rows import labels
from nc_tasks.tasks import label as label_task
from nc_tasks.worker.process import WorkerProcess
from tests.evidence import NOT_CONVERGED
from tests.nc_tasks.tasks.label.engine import TRIGGER, Engine, found, row, run


def test_a_label_is_inverted_with_its_submission_s_seed_and_its_end_is_written(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # When a label's message comes
    assert run(submission, 1) == {"label": 1, "state": "done"}
    # Then the engine was asked for it, and its row holds what it found
    assert engine.asked == [(submission, 1, 5)]
    ended = row(worker, submission, 1)
    assert (ended.state, ended.norm, ended.updates, ended.gradient_images) == ("done", 2.0, 40, 640)
    assert (ended.attempt, ended.worker_id, ended.lease_until) == (1, "host:1", None)
    assert worker.artefacts.path(str(ended.trigger_sha256)).is_file()
    # And when the message comes again, then nothing is done twice
    assert run(submission, 1) == {"label": 1, "state": "not mine"}
    assert len(engine.asked) == 1


def test_what_its_numbers_bear_out_is_kept_with_a_label(worker: WorkerProcess, engine: Engine, submission: str) -> None:
    # Given a label that stayed below the gate though its mask was large and free, and one that saw no way
    blind = replace(NOT_CONVERGED, blind=1.0, tried=("patch search",))
    lost = replace(found(0), state="not_converged", trigger=None, attack_success_rate=None)
    engine.does = lambda label: replace(lost, evidence=(NOT_CONVERGED, blind)[label])
    # When both have ended
    for label in (0, 1):
        run(submission, label)
    # Then SQL alone says which one has an outcome
    with worker.store.read() as session:
        first, second = findings.latest(session, submission_id=submission)
    assert second.evidence == replace(blind, starts=((None, None),)).to_json()
    assert findings.doubt_of(first) is None
    assert "100% of the images that it missed had no gradient" in str(findings.doubt_of(second))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CleanseError("no images\nof other classes"), "no images of other classes"),
        (MemoryError("full"), "MemoryError: full"),
    ],
)
def test_an_engine_that_raises_fails_the_label_with_one_line(
    worker: WorkerProcess, engine: Engine, submission: str, error: Exception, reason: str
) -> None:
    # Given an engine that cannot
    def fails(_: int) -> Inversion:
        raise error

    engine.does = fails
    # When a label comes, then the task returns, for its chord's sake, and the reason stands in the row
    assert run(submission, 0) == {"label": 0, "state": "failed"}
    ended = row(worker, submission, 0)
    assert (ended.state, ended.reason) == ("failed", reason)


def test_a_label_that_is_stopped_is_given_back_and_loses_no_attempt(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # Given a worker that is told to end while the label runs
    def stopped(_: int) -> Inversion:
        raise Cancelled("label 0 was cancelled")

    engine.does = stopped
    assert run(submission, 0) == {"label": 0, "state": "given back"}
    # Then it waits for the next one
    back = row(worker, submission, 0)
    assert (back.state, back.attempt - back.attempt_base, back.worker_id) == ("queued", 0, None)


def test_what_comes_after_the_label_went_to_another_worker_is_not_written(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # Given a worker that was silent so long that another has claimed its label
    def late(label: int) -> Inversion:
        key = LabelKey(submission_id=submission, label=label, round=0)
        with worker.store.write() as session:
            assert labels.release(session, key=key, attempt=1)
            assert labels.claim(session, key=key, worker_id="other", lease_seconds=60, max_attempts=3) == 2
        return found(label)

    engine.does = late
    # When it ends all the same, then the other one's label is as it was
    run(submission, 0)
    kept = row(worker, submission, 0)
    assert (kept.state, kept.attempt, kept.worker_id, kept.norm) == ("running", 2, "other", None)


def test_a_round_goes_on_where_the_screening_before_it_left_the_label(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # Given a model of so many labels that they are screened
    with worker.store.write() as session:
        session.get_one(Submission, submission).classes = 300
    engine.does = lambda label: replace(found(label), state="screened_out", attack_success_rate=None, cost=0.03)
    # When a label is screened
    assert run(submission, 1) == {"label": 1, "state": "screened_out"}
    # And goes on in the next round
    with worker.store.write() as session:
        labels.create(session, submission_id=submission, labels=[1], round=1, updates_budget=72)
    assert label_task.invert_label(submission=submission, label=1, round=1)["state"] == "screened_out"
    # Then the first began anew, and the second with mask, pattern and lambda of the first
    (first, zero, fresh), (second, one, begun) = engine.begun
    assert (first, zero, fresh) == ("screening", 0, None)
    assert (second, one) == ("screening", 1)
    assert begun is not None
    assert begun.cost == 0.03
    assert np.array_equal(begun.trigger.mask, TRIGGER.mask)
    assert np.array_equal(begun.trigger.pattern, TRIGGER.pattern)


def test_where_the_device_has_no_memory_the_submission_goes_on_with_half_the_slots(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # Given a submission of five slots whose batches do not fit the device
    def too_much(_: int) -> Inversion:
        raise OutOfDeviceMemory("the device has no memory for 5 labels")

    def slots() -> int | None:
        with worker.store.read() as session:
            return session.get_one(Submission, submission).slots

    with worker.store.write() as session:
        session.get_one(Submission, submission).slots = 5
    engine.does = too_much
    # When labels find that out, then the slots are halved, and the labels wait again without having lost an attempt
    assert run(submission, 0) == {"label": 0, "state": "given back"}
    assert slots() == 2
    given_back = row(worker, submission, 0)
    assert (given_back.state, given_back.attempt - given_back.attempt_base) == ("queued", 0)
    # And when a label alone does not fit either, then it has failed with the reason
    assert run(submission, 1) == {"label": 1, "state": "given back"}
    assert slots() == 1
    assert run(submission, 1) == {"label": 1, "state": "failed"}
    assert row(worker, submission, 1).reason == "the device has no memory for 5 labels"
