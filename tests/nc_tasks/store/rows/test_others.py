"""Detections, repairs, workers and jobs: what is theirs alone, the rest is the labels'."""

import os
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from nc_tasks.errors import NotFound
from nc_tasks.store import LabelKey, Store, Submission, Worker
from nc_tasks.store.recovery import expired
from nc_tasks.store.rows import detections, jobs, labels, mitigations, preparations, submissions, workers

BODY = {"verdict": "clean", "reason": "none is small", "p_value": 0.4, "flagged_labels": []}


def test_given_a_detection_when_another_is_recorded_then_the_first_stays(store: Store, scanned: str) -> None:
    with store.write() as session:
        assert detections.get(session, submission_id=scanned) is None
        assert detections.record(session, submission_id=scanned, body=BODY)
        assert not detections.record(session, submission_id=scanned, body={**BODY, "verdict": "backdoored"})
        found = detections.get(session, submission_id=scanned)
    assert found is not None
    assert (found.verdict, found.reason, found.p_value, found.body) == ("clean", "none is small", 0.4, BODY)


def test_given_a_repair_then_it_goes_from_claim_to_end_and_an_old_attempt_changes_nothing(
    store: Store, scanned: str
) -> None:
    repair = {"submission_id": scanned, "method": "unlearning"}
    with store.write() as session:
        assert mitigations.create(session, submission_id=scanned, methods=["unlearning"]) == 1
        assert mitigations.create(session, submission_id=scanned, methods=["unlearning", "pruning"]) == 1
        old = mitigations.claim(session, **repair, worker_id="w", lease_seconds=-1, max_attempts=3)
        assert expired.requeue_expired(session, max_attempts=3) == 1
        new = mitigations.claim(session, **repair, worker_id="v", lease_seconds=60, max_attempts=3)
        assert (old, new) == (1, 2)
        assert not mitigations.heartbeat(session, **repair, attempt=1, lease_seconds=60, progress=0.9)
        assert mitigations.heartbeat(session, **repair, attempt=2, lease_seconds=60, progress=0.5)
        assert not mitigations.finish(session, **repair, attempt=1, state="failed", reason="late")
        assert not mitigations.all_terminal(session, submission_id=scanned)
        assert mitigations.finish(
            session, **repair, attempt=2, state="done", body={"accuracy_after": 0.9}, goodnet_sha256="1" * 64
        )
        pruning, unlearning = mitigations.of_submission(session, submission_id=scanned)
    assert (pruning.method, pruning.state) == ("pruning", "queued")
    assert (unlearning.state, unlearning.progress, unlearning.body) == ("done", 1.0, {"accuracy_after": 0.9})


def test_when_the_last_repair_ends_then_all_have(store: Store, scanned: str) -> None:
    repair = {"submission_id": scanned, "method": "unlearning"}
    with store.write() as session:
        assert not mitigations.all_terminal(session, submission_id=scanned)
        mitigations.create(session, submission_id=scanned, methods=["unlearning"])
        mitigations.claim(session, **repair, worker_id="w", lease_seconds=60, max_attempts=3)
        mitigations.finish(session, **repair, attempt=1, state="failed", reason="accuracy fell to 0.2")
        assert mitigations.all_terminal(session, submission_id=scanned)
        with pytest.raises(ValueError, match="cannot end in state 'queued'"):
            mitigations.finish(session, **repair, attempt=1, state="queued")


def test_given_workers_then_those_heard_of_lately_are_listed(store: Store) -> None:
    with store.write() as session:
        for name, queue in (("a", "labels"), ("b", "control"), ("c", "labels")):
            workers.register(session, worker_id=name, queue=queue, pid=1, host="h", version="1", slots=4)
    time.sleep(2.0)
    with store.write() as session:
        assert workers.seen(session, worker_id="a")
        assert workers.seen(session, worker_id="b")
        assert not workers.seen(session, worker_id="nobody")
        live = workers.live(session, within_seconds=1.0)
        assert [worker.id for worker in live] == ["a", "b"]
        assert [worker.id for worker in workers.live(session, within_seconds=60, queue="labels")] == [
            "a",
            "c",
        ]


def test_given_a_worker_whose_process_is_gone_then_its_label_is_free_at_once(store: Store, scanned: str) -> None:
    # Given two workers of this host, each with a label and a long lease, of which one process has ended
    ended = subprocess.Popen(["true"])
    ended.wait()
    with store.write() as session:
        for name, pid in (("dead", ended.pid), ("alive", os.getpid())):
            workers.register(session, worker_id=name, queue="labels", pid=pid, host="h", version="1", slots=4)
        for label, name in enumerate(("dead", "alive")):
            key = LabelKey(submission_id=scanned, label=label, round=0)
            labels.claim(session, key=key, worker_id=name, lease_seconds=600, max_attempts=3)
    # When the dead are looked for, then only theirs are to be sent again; another host's are not judged
    with store.write() as session:
        assert workers.dead(session, host="elsewhere", silent_seconds=0, idle_seconds=60, lease_seconds=60) == []
        assert workers.dead(session, host="h", silent_seconds=60, idle_seconds=60, lease_seconds=60) == []
        assert workers.dead(session, host="h", silent_seconds=0, idle_seconds=60, lease_seconds=60) == ["dead"]
        workers.release(session, dead=["dead"])
        assert expired.requeue_expired(session, max_attempts=3) == 1
        assert labels.must_be_alone(session, key=LabelKey(submission_id=scanned, label=0, round=0))


def test_given_a_worker_without_work_whose_process_is_gone_then_it_may_be_silent_for_longer(store: Store) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    with store.write() as session:
        workers.register(session, worker_id="w", queue="labels", pid=ended.pid, host="h", version="1", slots=4)
        assert workers.dead(session, host="h", silent_seconds=0, idle_seconds=20, lease_seconds=60) == []
        assert workers.dead(session, host="h", silent_seconds=0, idle_seconds=0, lease_seconds=60) == ["w"]


def test_given_a_worker_silent_for_a_lease_then_it_is_dead_wherever_it_was(store: Store) -> None:
    # Given a worker of another host and one that writes, a moment after the first was last heard of
    with store.write() as session:
        for name in ("silent", "heard"):
            workers.register(session, worker_id=name, queue="labels", pid=1, host="away", version="1", slots=4)
        session.get_one(Worker, "silent").last_seen -= timedelta(seconds=61)
    # Then the one that was not heard of for a lease is dead, though nobody can ask for its process
    with store.read() as session:
        assert workers.dead(session, host="here", silent_seconds=5, idle_seconds=60, lease_seconds=62) == []
        assert workers.dead(session, host="here", silent_seconds=5, idle_seconds=60, lease_seconds=60) == ["silent"]


def test_given_a_worker_that_comes_again_then_it_has_one_row(store: Store) -> None:
    for slots in (4, 8):
        with store.write() as session:
            workers.register(session, worker_id="a", queue="labels", pid=1, host="h", version="1", slots=slots)
    with store.read() as session:
        assert [worker.slots for worker in workers.live(session, within_seconds=60)] == [8]


def test_given_a_job_then_it_goes_from_claim_to_end_once(store: Store) -> None:
    claim = {"worker_id": "w", "lease_seconds": 60.0, "max_attempts": 3}
    with store.write() as session:
        job = jobs.create(session, kind="classify", arguments={"images": ["1" * 64]})
        assert jobs.unfinished(session) == [job.id]
        assert jobs.claim(session, job_id=job.id, **claim) == 1
        assert jobs.claim(session, job_id=job.id, **claim) is None
        assert jobs.heartbeat(session, job_id=job.id, attempt=1, lease_seconds=60, progress=0.5)
        assert jobs.finish(session, job_id=job.id, attempt=1, state="done", result={"labels": [43]})
        assert not jobs.finish(session, job_id=job.id, attempt=1, state="failed", reason="late")
        found = jobs.get(session, job_id=job.id)
        assert (found.state, found.result, found.progress) == ("done", {"labels": [43]}, 1.0)
        assert found.finished_at is not None
        assert jobs.unfinished(session) == []
        with pytest.raises(NotFound, match="no job"):
            jobs.get(session, job_id="nothing")


def test_given_a_preparation_then_one_worker_has_it_and_its_submission_is_being_prepared(
    store: Store, submit: Callable[..., Submission]
) -> None:
    submission_id = submit().id
    claim = {"submission_id": submission_id, "worker_id": "w", "max_attempts": 3}
    with store.write() as session:
        assert preparations.claim(session, **claim, lease_seconds=-1) == 1
        assert submissions.get(session, submission_id=submission_id).state == "preparing"
        assert expired.requeue_expired(session, max_attempts=3) == 1
        assert preparations.claim(session, **claim, lease_seconds=60) == 2
        assert preparations.claim(session, **claim, lease_seconds=60) is None
        assert not preparations.renew(session, submission_id=submission_id, attempt=1, lease_seconds=60)
        assert preparations.renew(session, submission_id=submission_id, attempt=2, lease_seconds=60)
        assert not preparations.finish(session, submission_id=submission_id, attempt=1)
        assert not preparations.has_ended(session, submission_id=submission_id)
        assert preparations.finish(session, submission_id=submission_id, attempt=2)
        assert preparations.has_ended(session, submission_id=submission_id)
        assert preparations.claim(session, **claim, lease_seconds=60) is None


def test_given_a_preparation_that_always_loses_its_worker_then_its_submission_fails(
    store: Store, submit: Callable[..., Submission]
) -> None:
    submission_id = submit().id
    claim = {"submission_id": submission_id, "worker_id": "w", "max_attempts": 1}
    with store.write() as session:
        assert preparations.claim(session, **claim, lease_seconds=-1) == 1
        assert expired.requeue_expired(session, max_attempts=1) == 1
        assert preparations.fail_given_up(session) == [submission_id]
        assert preparations.claim(session, **claim, lease_seconds=60) is None
        failed = submissions.get(session, submission_id=submission_id)
        assert failed.state == "failed"
        assert "1 attempts" in (failed.reason or "")
    assert submit().state == "queued"
    with store.write() as session:
        assert preparations.claim(session, **claim, lease_seconds=60) == 2
