"""Labels that are inverted again to confirm them; only the engine is replaced."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nc_core.detection.arrays import EvidenceArrays, Moves
from nc_core.detection.class_map import AnyTarget
from nc_core.inversion import Inversion, Trigger
from nc_core.scanning.rounds import RANGE_ROUNDS, plan
from nc_tasks.files.evidence import read_arrays
from nc_tasks.store import Label
from nc_tasks.store.queries import findings
from nc_tasks.store.rows import labels
from nc_tasks.tasks import label as label_task
from nc_tasks.worker.process import WorkerProcess
from tests.evidence import CONVERGED
from tests.nc_tasks.tasks.label.engine import DELTA, TRIGGER, UNIVERSAL, Engine, found, row, run


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


def invert_and_confirm(worker: WorkerProcess, submission: str) -> None:
    """Both labels, one after the other."""
    with worker.store.write() as session:
        labels.create(session, submission_id=submission, labels=range(2), round=1, updates_budget=1200)
    for number in (0, 1):
        for label in range(2):
            label_task.invert_label(submission=submission, label=label, round=number)


def test_a_label_that_was_seen_is_asked_whether_it_is_universal_and_again_when_confirmed(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # Given two labels that are inverted and confirmed, one of which shows no gradient
    blind = replace(CONVERGED, blind=1.0)
    engine.does = lambda label: replace(found(label), evidence=(CONVERGED, blind)[label])
    invert_and_confirm(worker, submission)
    # Then both answers of the other one are kept as one, and what they took is counted
    with worker.store.read() as session:
        seen, hidden = findings.latest(session, submission_id=submission)
        first = session.get_one(Label, (submission, 0, 0))
    starts = ((2.0, 0.99),) * 3
    one = replace(UNIVERSAL, starts=starts[:1])
    both = {"transferability": 0.5, "few_norm": 8.0, "perturbation_norm": 4.0, "partial_norm": 9.0}
    assert first.evidence == one.to_json()
    assert seen.evidence == replace(one, **both, starts=starts).to_json()
    assert hidden.evidence == replace(blind, starts=starts).to_json()
    assert (first.gradient_images, seen.gradient_images) == (640 + 1904 + 160, 2 * 640 + 1904)
    assert hidden.gradient_images == 2 * 640


def test_what_was_asked_of_the_net_is_kept_with_the_first_label_through_its_confirmation(
    worker: WorkerProcess, engine: Engine, submission: str
) -> None:
    # Given an engine that knows where a trigger sends the net's images
    engine.does = lambda label: replace(found(label), evidence=CONVERGED)
    moves = Moves(mask=TRIGGER.mask, pattern=TRIGGER.pattern, counts=np.array([[0, 9], [8, 1]], np.int32))
    numbers: dict[str, Any] = {"norm": 3.0, "attack_success_rate": 0.9, "share": 0.8, "gradient_images": 500}
    engine.of_net = AnyTarget(**numbers, class_map={0: 1, 1: 0}, classes=2, moves=moves)
    # When two labels are inverted and confirmed
    invert_and_confirm(worker, submission)
    # Then the first one keeps it, and what it took is counted once
    with worker.store.read() as session:
        first, other = findings.latest(session, submission_id=submission)
        asked = session.get_one(Label, (submission, 0, 0))
        told = findings.norm_of(first, plan(range(2), profile="fast", seed=5)).evidence
    assert told is not None
    assert told.any_target == engine.of_net
    assert other.evidence is not None
    assert other.evidence["any_target"] is None
    assert asked.gradient_images == 640 + 1904 + 160 + 500
    assert first.gradient_images == 2 * 640 + 1904
    # And what can be drawn of it, beside the perturbation of each label that was confirmed
    kept = read_evidence(worker, first)
    assert kept.moves is not None
    assert kept.moves.counts.tolist() == moves.counts.tolist()
    assert asked.evidence_sha256 not in (None, first.evidence_sha256)
    for one in (first, other):
        np.testing.assert_array_equal(read_evidence(worker, one).perturbation, DELTA)
    assert read_evidence(worker, other).moves is None


def read_evidence(worker: WorkerProcess, row: findings.Finding) -> EvidenceArrays:
    return read_arrays(worker.artefacts.path(str(row.evidence_sha256)))


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
