import multiprocessing
import time
from multiprocessing.queues import Queue
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from nc_core.scanning.rounds import plan
from nc_tasks.settings import Settings
from nc_tasks.store import LabelKey, LabelProgress, Store, open_store
from nc_tasks.store.queries import findings
from nc_tasks.store.recovery import expired
from nc_tasks.store.rows import labels
from nc_tasks.store.tables.states import LABEL_ENDS


def key_of(submission_id: str, label: int = 0) -> LabelKey:
    return LabelKey(submission_id=submission_id, label=label, round=0)


def claim(
    session: Session, key: LabelKey, *, worker: str = "w", lease: float = 60.0, most: int = 3, alone: bool = False
) -> int | None:
    return labels.claim(session, key=key, worker_id=worker, lease_seconds=lease, max_attempts=most, alone=alone)


def finish(session: Session, key: LabelKey, attempt: int | None, *, norm: float = 5.0, updates: int = 200) -> bool:
    assert attempt is not None
    return labels.finish(
        session, key=key, attempt=attempt, state="done", updates=updates, norm=norm, attack_success_rate=1.0
    )


def row_of(session: Session, key: LabelKey) -> labels.Label:
    rows = labels.of_round(session, submission_id=key.submission_id, round=key.round)
    return next(row for row in rows if row.label == key.label)


def test_when_labels_are_created_twice_then_the_rows_stay_as_they_are(store: Store, scanned: str) -> None:
    with store.write() as session:
        claim(session, key_of(scanned))
        made = labels.create(session, submission_id=scanned, labels=range(6), round=0, updates_budget=999)
        assert made == 2
        assert row_of(session, key_of(scanned)).state == "running"
        assert row_of(session, key_of(scanned)).updates_budget == 600


def test_given_a_free_label_when_claimed_then_no_other_worker_gets_it(store: Store, scanned: str) -> None:
    with store.write() as session:
        assert claim(session, key_of(scanned), worker="w") == 1
        assert claim(session, key_of(scanned), worker="v") is None
        assert claim(session, key_of(scanned), worker="w") is None
        assert claim(session, key_of(scanned, label=77)) is None


@pytest.mark.parametrize("state", LABEL_ENDS)
def test_given_an_ended_label_then_nobody_can_claim_or_write_it(
    store: Store, scanned: str, state: labels.LabelState
) -> None:
    key = key_of(scanned)
    with store.write() as session:
        attempt = claim(session, key) or 0
        assert labels.finish(session, key=key, attempt=attempt, state=state, updates=1, norm=1.0)
        assert claim(session, key) is None
        assert not finish(session, key, attempt)
        assert labels.heartbeat(
            session, lease_seconds=60, progress=[LabelProgress(key=key, attempt=attempt, updates=2)]
        ) == [key]


def test_given_a_silent_worker_when_its_lease_is_over_then_another_takes_over_and_its_writes_are_void(
    store: Store, scanned: str
) -> None:
    key = key_of(scanned)
    with store.write() as session:
        first = claim(session, key, worker="silent", lease=0.01)
    time.sleep(0.02)
    with store.write() as session:
        assert expired.requeue_expired(session, max_attempts=3) == 1
        assert labels.must_be_alone(session, key=key)
        assert claim(session, key, worker="w") is None
        second = claim(session, key, worker="w", alone=True)
        assert (first, second) == (1, 2)
        assert not finish(session, key, first, norm=1.0)
        late = LabelProgress(key=key, attempt=1, updates=9)
        assert labels.heartbeat(session, lease_seconds=60, progress=[late]) == [key]
        assert finish(session, key, second, norm=2.0)
        assert row_of(session, key).norm == 2.0


def test_given_a_label_that_always_loses_its_worker_then_it_fails(store: Store, scanned: str) -> None:
    key = key_of(scanned)
    with store.write() as session:
        # The first time others were beside it: that is not charged, the two times alone are
        assert claim(session, key, lease=-1, most=2) == 1
        assert expired.requeue_expired(session, max_attempts=2) == 1
        for attempt in (2, 3):
            assert row_of(session, key).state == "queued"
            assert claim(session, key, lease=-1, most=2, alone=True) == attempt
            assert expired.requeue_expired(session, max_attempts=2) == 1
        assert claim(session, key, most=2, alone=True) is None
        row = row_of(session, key)
        assert (row.state, row.attempt) == ("failed", 3)
        assert "2 attempts (limit 2)" in (row.reason or "")


def test_when_a_worker_reports_then_progress_is_written_and_its_leases_are_renewed(store: Store, scanned: str) -> None:
    keys = [key_of(scanned, label) for label in (0, 1)]
    with store.write() as session:
        attempts = [claim(session, key, lease=0.05) or 0 for key in keys]
        told = [
            LabelProgress(key=key, attempt=attempt, updates=40, norm=7.5, attack_success_rate=0.9)
            for key, attempt in zip(keys, attempts, strict=True)
        ]
        assert labels.heartbeat(session, lease_seconds=60, progress=told) == []
    time.sleep(0.06)
    with store.write() as session:
        assert not expired.any_expired(session)
        assert expired.requeue_expired(session, max_attempts=3) == 0
        row = row_of(session, keys[1])
        assert (row.updates, row.norm, row.attack_success_rate, row.state) == (40, 7.5, 0.9, "running")


def test_given_expired_and_live_leases_then_the_expired_are_queued_again(store: Store, scanned: str) -> None:
    with store.write() as session:
        claim(session, key_of(scanned, 0), lease=60)
        claim(session, key_of(scanned, 2), lease=-1)
        claim(session, key_of(scanned, 3), lease=-1)
        assert expired.any_expired(session)
        assert expired.requeue_expired(session, max_attempts=3) == 2
        assert expired.requeue_expired(session, max_attempts=3) == 0
        assert labels.counts(session, submission_id=scanned, round=0).states == {"queued": 3, "running": 1}
        assert [labels.must_be_alone(session, key=key_of(scanned, label)) for label in range(4)] == [
            False,
            False,
            True,
            True,
        ]
        assert claim(session, key_of(scanned, 2), alone=True) == 2


def test_when_a_label_is_given_back_then_it_is_queued_and_no_attempt_is_lost(store: Store, scanned: str) -> None:
    key, other = key_of(scanned, 0), key_of(scanned, 1)
    with store.write() as session:
        claim(session, other, worker="other")
        for _ in range(5):
            attempt = claim(session, key, most=1)
            assert attempt is not None
            assert row_of(session, key).state == "running"
            assert labels.release(session, key=key, attempt=attempt)
            assert not labels.release(session, key=key, attempt=attempt)
            assert not finish(session, key, attempt)
        given_back = row_of(session, key)
        assert (given_back.state, given_back.epoch, given_back.published_at) == ("queued", None, None)
        assert row_of(session, other).state == "running"


def test_given_a_round_then_it_has_ended_when_each_label_has(store: Store, scanned: str) -> None:
    where = {"submission_id": scanned, "round": 0}
    with store.write() as session:
        assert not labels.all_terminal(session, submission_id=scanned, round=1)
        for label in range(4):
            assert not labels.all_terminal(session, **where)
            key = key_of(scanned, label)
            assert finish(session, key, claim(session, key))
        assert labels.all_terminal(session, **where)


def test_given_labels_that_stopped_early_then_the_counts_reach_the_whole(store: Store, scanned: str) -> None:
    where = {"submission_id": scanned, "round": 0}
    with store.write() as session:
        counted = labels.counts(session, **where)
        assert (counted.total, counted.ended, counted.updates, counted.updates_budget) == (4, 0, 0, 2400)
        finish(session, key_of(scanned, 0), claim(session, key_of(scanned, 0)), updates=200)
        counted = labels.counts(session, **where)
        assert (counted.total, counted.ended, counted.updates, counted.updates_budget) == (4, 1, 200, 2000)
        for label in (1, 2, 3):
            finish(session, key_of(scanned, label), claim(session, key_of(scanned, label)), updates=100)
        counted = labels.counts(session, **where)
        assert counted.updates == counted.updates_budget == 500


def test_given_ended_labels_then_detection_is_told_of_each_and_of_norms_that_are_done_alone(
    store: Store, scanned: str
) -> None:
    with store.write() as session:
        finish(session, key_of(scanned, 2), claim(session, key_of(scanned, 2)), norm=3.5)
        attempt = claim(session, key_of(scanned, 1)) or 0
        labels.finish(session, key=key_of(scanned, 1), attempt=attempt, state="not_converged", updates=600, norm=800.0)
        claim(session, key_of(scanned, 0))
        rows = findings.latest(session, submission_id=scanned)
    rounds = plan(range(3), profile="fast", seed=0)
    found = [findings.norm_of(row, rounds) for row in rows if row.state in LABEL_ENDS]
    assert [(entry.label, entry.state, entry.norm) for entry in found] == [
        (1, "not_converged", None),
        (2, "done", 3.5),
    ]


def test_given_a_later_round_then_its_result_stands_for_the_label_but_its_failure_does_not(
    store: Store, scanned: str
) -> None:
    # Given two labels that are done, and are inverted again
    with store.write() as session:
        for label in (1, 2):
            finish(session, key_of(scanned, label), claim(session, key_of(scanned, label)), norm=3.5)
        labels.create(session, submission_id=scanned, labels=(1, 2), round=1, updates_budget=9)
        assert labels.ended_after(session, submission_id=scanned, round=0) == set()
        first, second = (LabelKey(submission_id=scanned, label=label, round=1) for label in (1, 2))
        attempt = claim(session, first)
        assert attempt is not None
        labels.finish(session, key=first, attempt=attempt, state="done", updates=1, norm=5.0, norms=[3.5, 6.0, 5.0])
        attempt = claim(session, second)
        assert attempt is not None
        labels.finish(session, key=second, attempt=attempt, state="failed", updates=0, reason="no memory")
        rows = {row.label: row for row in findings.latest(session, submission_id=scanned)}
        # Then the one has its new norm, the other its old one
        assert (rows[1].norm, rows[1].norms) == (5.0, [3.5, 6.0, 5.0])
        assert (rows[2].state, rows[2].norm) == ("done", 3.5)
        assert labels.ended_after(session, submission_id=scanned, round=0) == {1, 2}


def test_given_an_inversion_that_failed_after_a_screening_then_the_label_has_failed(store: Store, scanned: str) -> None:
    # Given a label that was screened, and whose inversion then failed
    with store.write() as session:
        for number, state in enumerate(("screened_out", "failed")):
            labels.create(session, submission_id=scanned, labels=(1,), round=number, updates_budget=9)
            key = LabelKey(submission_id=scanned, label=1, round=number)
            attempt = claim(session, key)
            assert attempt is not None
            labels.finish(session, key=key, attempt=attempt, state=state, updates=4, norm=9.0, gradient_images=32)
        (row,) = [row for row in findings.latest(session, submission_id=scanned) if row.label == 1]
        taken = findings.totals(session, submission_id=scanned)[1]
    # Then it is not told as left behind, and what both rounds took counts
    assert (row.state, row.round) == ("failed", 1)
    assert (taken.updates, taken.gradient_images) == (8, 64)


def test_given_a_state_that_is_no_end_then_finishing_in_it_is_a_mistake(store: Store, scanned: str) -> None:
    with store.write() as session, pytest.raises(ValueError, match="cannot end in state 'running'"):
        labels.finish(session, key=key_of(scanned), attempt=1, state="running", updates=0)


def _claim_all(home: str, url: str | None, submission_id: str, worker: str, told: "Queue[list[int]]") -> None:
    store = open_store(Settings(home=Path(home), database_url=url))
    got = []
    for label in range(40):
        with store.write() as session:
            if claim(session, key_of(submission_id, label), worker=worker) is not None:
                got.append(label)
    told.put(got)
    store.close()


def test_given_workers_that_claim_at_once_then_each_label_has_exactly_one_of_them(
    store: Store, settings: Settings, scanned: str
) -> None:
    with store.write() as session:
        labels.create(session, submission_id=scanned, labels=range(40), round=0, updates_budget=1)
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    where = (str(settings.home), settings.database_url, scanned)
    children = [context.Process(target=_claim_all, args=(*where, worker, told)) for worker in "abc"]
    for child in children:
        child.start()
    claimed = [label for _ in children for label in told.get(timeout=60)]
    for child in children:
        child.join()
    assert sorted(claimed) == list(range(40))
