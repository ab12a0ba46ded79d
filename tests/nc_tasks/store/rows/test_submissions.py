from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from nc_tasks.errors import AmbiguousSubmission, NoSuchSubmission, WrongState
from nc_tasks.request.options import ScanOptions
from nc_tasks.request.scan import ScanRequest, StoredFile
from nc_tasks.store import LabelKey, Store, Submission
from nc_tasks.store.rows import detections, labels, lifecycle, mitigations, submissions
from nc_tasks.store.tables.states import SUBMISSION_SOURCES, SubmissionState

Submit = Callable[..., Submission]
BODY = {"verdict": "backdoored", "reason": "label 3 is small", "p_value": 0.001, "flagged_labels": [3]}


def file(sha256: str, name: str = "x") -> StoredFile:
    return StoredFile(sha256=sha256, name=name)


def key(**changes: Any) -> str:
    values = {"model": file("a"), "data": file("b"), "poisoned": (file("c"),), "options": ScanOptions()}
    return submissions.key_of(ScanRequest(**{**values, **changes}))


def move(session: Session, submission_id: str, *states: SubmissionState) -> None:
    for state in states:
        assert lifecycle.set_state(session, submission_id=submission_id, state=state)


def test_given_what_decides_the_result_then_the_key_changes_with_it_and_with_nothing_else() -> None:
    keys = {
        key(),
        key(model=file("x")),
        key(data=file("x")),
        key(poisoned=()),
        key(poisoned=(file("x"),)),
        key(options=ScanOptions(seed=1)),
    }
    assert len(keys) == 6
    assert key(poisoned=(file("c", "another name"),)) == key()
    assert key(priority="high", tags={"team": "vision"}, callback_url="https://hooks.example/", force=True) == key()


def test_given_a_new_submission_then_its_id_is_made_of_key_and_generation(submit: Submit) -> None:
    submission = submit()
    assert submission.id == sha256(f"{submission.key}:0".encode()).hexdigest()[:12]
    assert (submission.state, submission.generation, submission.round) == ("queued", 0, 0)
    assert submission.created_at.tzinfo is not None
    assert submission.poisoned == [{"sha256": "e" * 64, "name": "poisoned.h5"}]
    assert ScanOptions.model_validate(submission.options) == ScanOptions()


def test_given_the_same_files_and_options_then_it_is_the_same_submission(submit: Submit) -> None:
    assert submit().id == submit().id != submit(seed=1).id


def test_given_force_then_a_new_generation_begins_and_is_the_one_found_later(submit: Submit) -> None:
    first, second = submit(), submit(force=True)
    assert (first.key, second.generation) == (second.key, 1)
    assert first.id != second.id == submit().id


@pytest.mark.parametrize("end", ["refused", "failed", "cancelled"])
def test_given_one_that_ended_without_result_when_submitted_again_then_it_is_queued_again(
    store: Store, submit: Submit, end: SubmissionState
) -> None:
    first = submit()
    with store.write() as session:
        move(session, first.id, "preparing")
        assert lifecycle.set_state(session, submission_id=first.id, state=end, reason="why")
    again = submit()
    assert (again.id, again.state, again.generation) == (first.id, "queued", 0)
    assert (again.reason, again.started_at, again.finished_at) == (None, None, None)


@pytest.mark.parametrize("state", ["preparing", "done"])
def test_given_one_that_runs_or_is_done_when_submitted_again_then_nothing_changes(
    store: Store, submit: Submit, state: SubmissionState
) -> None:
    first = submit()
    with store.write() as session:
        move(
            session,
            first.id,
            *(("preparing",) if state == "preparing" else ("preparing", "inverting", "done")),
        )
    assert submit().state == state


def test_given_a_second_try_then_labels_with_a_result_stay_and_the_first_try_s_workers_are_shut_out(
    store: Store, submit: Submit, scanned: str
) -> None:
    # Given label 0 done, label 1 failed, label 2 in the hands of a worker, a detection and a repair begun
    keys = [LabelKey(submission_id=scanned, label=label, round=0) for label in range(3)]
    with store.write() as session:
        attempts = [
            labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3) or 0 for key in keys
        ]
        labels.finish(session, key=keys[0], attempt=attempts[0], state="done", updates=9, norm=4.0)
        labels.finish(session, key=keys[1], attempt=attempts[1], state="failed", updates=0, reason="broken")
        detections.record(session, submission_id=scanned, body=BODY)
        mitigations.create(session, submission_id=scanned, methods=["unlearning"])
        claimed = mitigations.claim(
            session,
            submission_id=scanned,
            method="unlearning",
            worker_id="w",
            lease_seconds=60,
            max_attempts=3,
        )
        lifecycle.fail(session, submission_id=scanned, reason="a fault")
    # When the same is submitted again
    submit()
    # Then
    with store.write() as session:
        rows = {row.label: row for row in labels.of_round(session, submission_id=scanned, round=0)}
        assert [rows[label].state for label in range(4)] == ["done", "queued", "queued", "queued"]
        assert rows[0].norm == 4.0
        assert rows[1].reason is None
        assert detections.get(session, submission_id=scanned) is None
        assert mitigations.of_submission(session, submission_id=scanned)[0].state == "queued"
        again = labels.claim(session, key=keys[2], worker_id="v", lease_seconds=60, max_attempts=1)
        assert again == attempts[2] + 1
        assert not labels.finish(session, key=keys[2], attempt=attempts[2], state="done", updates=1, norm=1.0)
        repair = {"submission_id": scanned, "method": "unlearning"}
        new = mitigations.claim(session, **repair, worker_id="v", lease_seconds=60, max_attempts=1)
        assert new == (claimed or 0) + 1


def test_given_one_that_is_done_when_retried_then_what_failed_of_it_is_tried_again_and_judged_anew(
    store: Store, submit: Submit, scanned: str
) -> None:
    # Given a submission that is done, with one label that failed, and a detection
    with store.write() as session:
        with pytest.raises(WrongState, match="is inverting: it can be retried once it has ended"):
            submissions.retry(session, submission_id=scanned)
        for label in range(4):
            row = LabelKey(submission_id=scanned, label=label, round=0)
            attempt = labels.claim(session, key=row, worker_id="w", lease_seconds=60, max_attempts=3) or 0
            labels.finish(session, key=row, attempt=attempt, state="failed" if label == 2 else "done", updates=1)
        detections.record(session, submission_id=scanned, body=BODY)
        move(session, scanned, "done")
    # When the same is submitted again, then it is answered as it is
    assert submit().state == "done"
    # When it is retried
    with store.write() as session:
        assert submissions.retry(session, submission_id=scanned) == 1
        # Then that label alone waits, with all its attempts, and there is no detection
        assert submissions.get(session, submission_id=scanned).state == "queued"
        assert labels.counts(session, submission_id=scanned).states == {"done": 3, "queued": 1}
        row = LabelKey(submission_id=scanned, label=2, round=0)
        assert labels.claim(session, key=row, worker_id="w", lease_seconds=60, max_attempts=1) == 2
        assert detections.get(session, submission_id=scanned) is None


def test_given_one_of_which_nothing_has_failed_then_there_is_nothing_to_retry_or_to_cancel(
    store: Store, scanned: str
) -> None:
    with store.write() as session:
        for label in range(4):
            row = LabelKey(submission_id=scanned, label=label, round=0)
            attempt = labels.claim(session, key=row, worker_id="w", lease_seconds=60, max_attempts=3) or 0
            labels.finish(session, key=row, attempt=attempt, state="done", updates=1)
        move(session, scanned, "done")
        with pytest.raises(WrongState, match="nothing to retry"):
            submissions.retry(session, submission_id=scanned)
        with pytest.raises(WrongState, match="is done: there is nothing to cancel"):
            submissions.cancel(session, submission_id=scanned)


FOUND: dict[str, Any] = {
    "clean_data_sha256": "2" * 64,
    "classes": 4,
    "input_shape": (32, 32, 3),
    "parameters": 7,
    "preflight": {},
    "slots": 4,
    "labels_total": 4,
    "versions": {},
}


@pytest.mark.parametrize("net", ["1", "9"], ids=["the same net", "another net"])
def test_given_one_without_a_scanned_file_when_retried_then_no_result_of_another_net_stays(
    store: Store, submit: Submit, net: str
) -> None:
    # Given a submission that an earlier version prepared and that is done, with a round of confirmations
    submission_id = submit().id
    with store.write() as session:
        move(session, submission_id, "preparing")
        lifecycle.record_prepared(
            session, submission_id=submission_id, canonical_sha256="1" * 64, scanned_sha256="5" * 64, **FOUND
        )
        session.execute(update(Submission).values(scanned_sha256=None))
        move(session, submission_id, "inverting")
        for number, turn in ((0, 0), (1, 0), (2, 0), (3, 0), (0, 1)):
            labels.create(session, submission_id=submission_id, labels=[number], round=turn, updates_budget=600)
            row = LabelKey(submission_id=submission_id, label=number, round=turn)
            attempt = labels.claim(session, key=row, worker_id="w", lease_seconds=60, max_attempts=3) or 0
            values: dict[str, Any] = {"state": "done", "updates": 9, "norm": 4.0, "norms": [4.0, 5.0]}
            labels.finish(session, key=row, attempt=attempt, trigger_sha256="7" * 64, **values)
        detections.record(session, submission_id=submission_id, body=BODY)
        move(session, submission_id, "done")
        # When it is retried, though nothing of it has failed, and its file is read
        assert submissions.retry(session, submission_id=submission_id) == 0
        move(session, submission_id, "preparing")
        lifecycle.record_prepared(
            session, submission_id=submission_id, canonical_sha256=net * 64, scanned_sha256="6" * 64, **FOUND
        )
        # Then it has the file; its labels keep their results where it is the net that they are of, and only there
        assert submissions.get(session, submission_id=submission_id).scanned_sha256 == "6" * 64
        rows = labels.of_round(session, submission_id=submission_id, round=0)
        later = labels.of_round(session, submission_id=submission_id, round=1)
        if net == "1":
            assert [(row.state, row.norm) for row in rows] == [("done", 4.0)] * 4
            assert len(later) == 1
        else:
            assert [(row.state, row.norm, row.norms, row.trigger_sha256) for row in rows] == [
                ("queued", None, None, None)
            ] * 4
            assert later == []
            # and what worked on the first try cannot write into the second
            row = LabelKey(submission_id=submission_id, label=0, round=0)
            assert labels.claim(session, key=row, worker_id="w", lease_seconds=60, max_attempts=1) == 2


def test_given_every_pair_of_states_then_exactly_the_allowed_moves_are_made(store: Store, submit: Submit) -> None:
    submission_id = submit().id
    states = list(SUBMISSION_SOURCES)
    with store.write() as session:
        for source in states:
            for target in states:
                submissions.get(session, submission_id=submission_id).state = source
                session.flush()
                moved = lifecycle.set_state(session, submission_id=submission_id, state=target)
                assert moved == (source in SUBMISSION_SOURCES[target])
                expected = target if moved else source
                assert submissions.get(session, submission_id=submission_id).state == expected


def test_given_a_whole_life_then_its_times_are_in_order(store: Store, submit: Submit) -> None:
    submission_id = submit().id
    with store.write() as session:
        move(session, submission_id, "preparing", "inverting", "done")
        found = submissions.get(session, submission_id=submission_id)
    assert found.started_at is not None
    assert found.finished_at is not None
    assert found.created_at <= found.started_at <= found.finished_at


def test_given_the_beginning_of_an_id_then_the_one_submission_is_found(store: Store, submit: Submit) -> None:
    made = [submit(seed=seed) for seed in range(20)]
    with store.read() as session:
        assert submissions.find(session, prefix=made[0].id[:8]).id == made[0].id
        with pytest.raises(NoSuchSubmission, match="begins with '%'"):
            submissions.find(session, prefix="%")
        with pytest.raises(AmbiguousSubmission, match="more letters"):
            submissions.find(session, prefix="")
        with pytest.raises(NoSuchSubmission, match="'nobody'"):
            submissions.get(session, submission_id="nobody")


def test_when_one_is_cancelled_then_its_open_labels_are_and_no_other_ones(store: Store, scanned: str) -> None:
    done, running = (LabelKey(submission_id=scanned, label=label, round=0) for label in (0, 1))
    with store.write() as session:
        first = labels.claim(session, key=done, worker_id="w", lease_seconds=60, max_attempts=3)
        second = labels.claim(session, key=running, worker_id="w", lease_seconds=60, max_attempts=3)
        assert first is not None
        assert second is not None
        labels.finish(session, key=done, attempt=first, state="done", updates=1, norm=1.0)
        assert submissions.cancel(session, submission_id=scanned) == 3
        assert submissions.cancel(session, submission_id=scanned) == 0
        progress = labels.LabelProgress(key=running, attempt=second, updates=2)
        assert labels.heartbeat(session, lease_seconds=60, progress=[progress]) == [running]
        counted = labels.counts(session, submission_id=scanned, round=0)
        assert counted.states == {"done": 1, "cancelled": 3}
        assert lifecycle.unfinished(session) == []


def test_given_what_preparing_found_then_it_is_written_in_its_time(store: Store, submit: Submit) -> None:
    submission_id = submit().id
    found = {
        "canonical_sha256": "1" * 64,
        "scanned_sha256": "5" * 64,
        "clean_data_sha256": "2" * 64,
        "classes": 43,
        "input_shape": (32, 32, 3),
        "parameters": 10**10,
        "preflight": {"value_range": "0..1"},
        "slots": 8,
        "labels_total": 43,
        "versions": {"keras": "3.15.1"},
    }
    with store.write() as session:
        assert not lifecycle.record_prepared(session, submission_id=submission_id, **found)
        move(session, submission_id, "preparing")
        assert lifecycle.record_prepared(session, submission_id=submission_id, **found)
        row = submissions.get(session, submission_id=submission_id)
        assert {name: getattr(row, name) for name in found} == {**found, "input_shape": [32, 32, 3]}
