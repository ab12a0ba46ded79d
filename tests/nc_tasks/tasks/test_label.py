"""The label task on a real store; only the engine is replaced."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nc_core.errors import Cancelled, CleanseError, OutOfDeviceMemory
from nc_core.inversion import Begun, Inversion, Trigger
from nc_core.inversion.trigger import Margins, Perturbation, Transferability
from nc_core.scanning.rounds import RANGE_ROUNDS, plan
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import Label, LabelKey, Submission
from nc_tasks.store.queries import findings
from nc_tasks.store.rows import labels, submissions
from nc_tasks.tasks import label as label_task
from nc_tasks.worker.process import WorkerProcess
from tests.evidence import CONVERGED, NOT_CONVERGED

TRIGGER = Trigger(mask=np.full((2, 2), 0.5, np.float32), pattern=np.zeros((2, 2, 1), np.float32))
UNIVERSAL = replace(
    CONVERGED, transferability=0.75, few_norm=4.0, perturbation_norm=2.0, perturbation_rate=0.9, margin=21.0
)
"""What the engine says besides of a label that was seen."""


class Engine:
    """Does to each label what the test says, and remembers who asked for what."""

    def __init__(self) -> None:
        self.does: Callable[[int], Inversion] = found
        self.asked: list[tuple[str, int, int]] = []
        self.begun: list[tuple[str, int, Begun | None]] = []
        self.ranges: list[int] = []

    def transferability(self, inverted: Inversion, *, seed: int, again: bool, **_: object) -> Transferability | None:
        assert seed == 5
        if not inverted.seen:
            return None
        return Transferability(rate=0.25 if again else 0.75, norm=16.0 if again else 4.0, gradient_images=1280)

    def perturbation(self, inverted: Inversion, *, seed: int, again: bool, **_: object) -> Perturbation | None:
        assert seed == 5
        return Perturbation(norm=8.0 if again else 2.0, rate=0.9, gradient_images=192) if inverted.seen else None

    def margin(self, inverted: Inversion, *, seed: int, **_: object) -> Margins | None:
        assert seed == 5
        return Margins(margin=21.0, gradient_images=160) if inverted.seen else None

    def of(self, _: WorkerProcess, submission: Submission, profile: str, _slots: int, range: int) -> Any:
        engine = self
        self.ranges.append(range)

        class Bound:
            transferability = staticmethod(engine.transferability)
            perturbation = staticmethod(engine.perturbation)
            margin = staticmethod(engine.margin)

            def invert(
                self,
                label: int,
                *,
                seed: int,
                starts: tuple[int, ...],
                begun: Begun | None,
                round: int,
                **_: object,
            ) -> list[Inversion]:
                engine.asked.append((submission.id, label, seed))
                engine.begun.append((profile, round, begun))
                return [replace(engine.does(label), updates=40 + start) for start in starts]

        return Bound()


def found(label: int) -> Inversion:
    return Inversion(
        label=label,
        state="done",
        trigger=TRIGGER,
        attack_success_rate=0.99,
        updates=40,
        gradient_images=640,
        seconds=1.5,
    )


@pytest.fixture
def engine(worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(label_task, "this_worker", lambda: worker)
    monkeypatch.setattr(label_task, "engine_for", engine.of)
    return engine


@pytest.fixture
def submission(worker: WorkerProcess) -> str:
    """Being inverted, with two queued labels and seed 5."""
    with worker.store.write() as session:
        made = submissions.submit(
            session,
            ScanRequest(
                model=StoredFile(sha256="a" * 64, name="m.h5"),
                data=StoredFile(sha256="b" * 64, name="d.npz"),
                options=ScanOptions(seed=5),
            ),
        )
        labels.create(session, submission_id=made.id, labels=range(2), round=0, updates_budget=600)
        return made.id


def run(submission: str, label: int) -> dict[str, Any]:
    return label_task.invert_label(submission=submission, label=label, round=0)


def row(worker: WorkerProcess, submission: str, label: int) -> Label:
    with worker.store.read() as session:
        return labels.of_round(session, submission_id=submission, round=0)[label]


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


def test_a_confirmed_label_has_the_middle_one_of_its_three_inversions(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # Given a label whose first inversion has a mask of 2 pixels, and is to be confirmed
    run(submission, 1)
    with worker.store.write() as session:
        labels.create(session, submission_id=submission, labels=[1], round=1, updates_budget=1200)
    sizes = iter((0.9, 0.7))

    def larger(label: int) -> Inversion:
        mask = np.full((2, 2), next(sizes), np.float32)
        return replace(found(label), trigger=Trigger(mask=mask, pattern=TRIGGER.pattern))

    engine.does = larger
    # When it is inverted again, twice
    assert label_task.invert_label(submission=submission, label=1, round=1)["state"] == "done"
    # Then the middle one stands for it, all three norms are told, and the work is that of the two
    with worker.store.read() as session:
        (row,) = [row for row in findings.latest(session, submission_id=submission) if row.label == 1]
    assert row.norm == pytest.approx(2.8)
    assert row.norms == pytest.approx([2.0, 3.6, 2.8])
    assert (row.updates, row.gradient_images) == (41 + 42, 2 * 640)


def test_a_label_without_a_trigger_is_confirmed_all_the_same(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # Given a label of which no mask converged, flagged for what a few images need
    lost = replace(found(1), state="not_converged", trigger=None, attack_success_rate=None)
    ends = iter((lost, found(1), lost))
    engine.does = lambda _: next(ends)
    run(submission, 1)
    with worker.store.write() as session:
        labels.create(session, submission_id=submission, labels=[1], round=1, updates_budget=1200)
    # When it is inverted again, and one of the three converges
    assert label_task.invert_label(submission=submission, label=1, round=1)["state"] == "not_converged"
    # Then the middle one stands for it
    with worker.store.read() as session:
        (row,) = [row for row in findings.latest(session, submission_id=submission) if row.label == 1]
    assert (row.state, row.norm, row.norms) == ("not_converged", None, [None, pytest.approx(2.0), None])


def test_each_start_of_a_confirmed_label_is_kept_with_its_norm_and_its_rate(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # Given a label whose trigger works on fewer held-out images from one start than from another
    masks, rates = iter((0.5, 0.9, 0.7)), iter((0.99, 0.4, 0.8))

    def another(label: int) -> Inversion:
        trigger = Trigger(mask=np.full((2, 2), next(masks), np.float32), pattern=TRIGGER.pattern)
        return replace(found(label), trigger=trigger, attack_success_rate=next(rates), evidence=CONVERGED)

    engine.does = another
    run(submission, 1)
    assert row(worker, submission, 1).evidence == replace(UNIVERSAL, starts=((2.0, 0.99),)).to_json()
    # When it is confirmed
    with worker.store.write() as session:
        labels.create(session, submission_id=submission, labels=[1], round=1, updates_budget=1200)
    label_task.invert_label(submission=submission, label=1, round=1)
    # Then all three are told, in the order in which they were made
    with worker.store.read() as session:
        (confirmed,) = findings.latest(session, submission_id=submission, label=1)
        told = findings.norm_of(confirmed, plan(range(2), profile="fast", seed=5)).evidence
    assert told is not None
    assert [norm for norm, _ in told.starts] == pytest.approx([2.0, 3.6, 2.8])
    assert [rate for _, rate in told.starts] == [0.99, 0.4, 0.8]
    assert (confirmed.norm, confirmed.attack_success_rate) == (told.starts[2][0], 0.8)


def test_a_label_that_was_seen_is_asked_whether_it_is_universal_and_again_when_confirmed(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # Given two labels that are inverted and confirmed, one of which shows no gradient
    blind = replace(CONVERGED, blind=1.0)
    engine.does = lambda label: replace(found(label), evidence=(CONVERGED, blind)[label])
    with worker.store.write() as session:
        labels.create(session, submission_id=submission, labels=range(2), round=1, updates_budget=1200)
    for number in (0, 1):
        for label in range(2):
            label_task.invert_label(submission=submission, label=label, round=number)
    # Then both answers of the other one are kept as one, and what they took is counted
    with worker.store.read() as session:
        seen, hidden = findings.latest(session, submission_id=submission)
        first = session.get_one(Label, (submission, 0, 0))
    starts = ((2.0, 0.99),) * 3
    one = replace(UNIVERSAL, starts=starts[:1])
    both = {"transferability": 0.5, "few_norm": 8.0, "perturbation_norm": 4.0}
    assert first.evidence == one.to_json()
    assert seen.evidence == replace(one, **both, starts=starts).to_json()
    assert hidden.evidence == replace(blind, starts=starts).to_json()
    assert (first.gradient_images, seen.gradient_images) == (640 + 1280 + 192 + 160, 2 * 640 + 1280 + 192)
    assert hidden.gradient_images == 2 * 640


def test_a_label_of_a_second_range_is_inverted_there_and_confirmed_by_its_own_first_inversion(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # Given a label that was inverted in two value ranges, in the second one with another norm
    first, second = 0, RANGE_ROUNDS
    masks = {first: 0.5, second: 0.25, second + 1: 0.3}

    def sized(mask: float) -> Callable[[int], Inversion]:
        trigger = Trigger(mask=np.full((2, 2), mask, np.float32), pattern=TRIGGER.pattern)
        return lambda label: replace(found(label), trigger=trigger)

    for number, mask in masks.items():
        with worker.store.write() as session:
            labels.create(session, submission_id=submission, labels=[1], round=number, updates_budget=600)
        engine.does = sized(mask)
        assert label_task.invert_label(submission=submission, label=1, round=number)["state"] == "done"
    # Then each went to the engine of its range, by its number within that range
    assert engine.ranges == [0, 1, 1]
    assert [one for _, one, _ in engine.begun] == [0, 0, 1]
    # And the confirmation stands beside the second range's inversion, not the first one's
    with worker.store.read() as session:
        (row,) = findings.latest(session, submission_id=submission, label=1, range=1)
        (other,) = findings.latest(session, submission_id=submission, label=1, range=0)
    assert row.norms == pytest.approx([1.0, 1.2, 1.2])
    assert other.norm == pytest.approx(2.0)


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
