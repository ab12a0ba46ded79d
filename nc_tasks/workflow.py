"""The way of one submission: what follows when something has ended. Every step may be repeated without harm.

SQL is the truth; a chord is only the fast path to the next step. Each function reads where the submission stands, does
what is due there, and does nothing where that was done already.
"""

import logging
from collections.abc import Sequence

from celery import chord

from nc_core.detection import AGAIN, Detection, detect, to_confirm
from nc_core.profiles import ALL_PROFILES
from nc_core.rounds import Plan
from nc_tasks.app import app
from nc_tasks.options import ScanOptions
from nc_tasks.planning import plan_of
from nc_tasks.sending import together
from nc_tasks.store import Submission, detections, labels, mitigations, submissions, workers
from nc_tasks.worker import WorkerProcess

log = logging.getLogger(__name__)


def begin_scan(worker: WorkerProcess, submission_id: str) -> None:
    """Queue all labels of a prepared submission and send one task for each."""
    with worker.store.write() as session:
        submission = submissions.get(session, submission_id=submission_id)
        rounds = plan_of(submission)
        labels.create(
            session,
            submission_id=submission_id,
            labels=rounds.labels,
            round=0,
            updates_budget=_updates_budget(rounds, 0),
        )
        moved = submissions.set_state(session, submission_id=submission_id, state="inverting", round=0)
    if moved:
        resume_round(worker, submission_id, 0)


def _updates_budget(rounds: Plan, round: int) -> int:
    """Most updates of one label in a round."""
    inversions = len(AGAIN) if rounds.purpose(round) == "confirmation" else 1
    return inversions * ALL_PROFILES[rounds.profile_of(round)].max_updates


def resume_round(worker: WorkerProcess, submission_id: str, round: int) -> None:
    """Send a task for every label that has none, or take the step after the round where all have ended.

    While labels run, those that wait have their messages, and only the ones whose worker fell silent need a new one.
    When none runs, nothing is known of the messages: all are sent again, and the claim makes a second one harmless.
    """
    with worker.store.write() as session:
        silent = labels.requeue_expired(session, submission_id=submission_id, round=round)
        waiting = labels.queued(session, submission_id=submission_id, round=round)
        counted = labels.counts(session, submission_id=submission_id, round=round)
    if counted.ended == counted.total:
        advance(worker, submission_id, round)
        return
    due = silent if counted.states.get("running") else waiting
    if due:
        publish_labels(submission_id, due, round)


def publish_labels(submission_id: str, waiting: Sequence[int], round: int) -> None:
    """One task per label, and a callback that carries the submission's id and reads the norms from SQL."""
    tasks = [
        app.signature(
            "nc_tasks.invert_label",
            kwargs={"submission": submission_id, "label": label, "round": round},
            queue="labels",
            immutable=True,
        )
        for label in waiting
    ]
    gather = app.signature(
        "nc_tasks.gather",
        kwargs={"submission": submission_id, "round": round},
        queue="control",
        immutable=True,
    )
    with together(app):
        chord(tasks, app=app)(gather)


def advance(worker: WorkerProcess, submission_id: str, round: int) -> None:
    """What follows a round: open labels again where some are left, else the next round, else the detection."""
    with worker.store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
        over = labels.all_terminal(session, submission_id=submission_id, round=round)
    if submission.state != "inverting" or submission.round != round:
        return
    if not over:
        resume_round(worker, submission_id, round)
        return
    rounds = plan_of(submission)
    if rounds.purpose(round) == "screening":
        with worker.store.read() as session:
            rows = labels.of_round(session, submission_id=submission_id, round=round)
        norms = {row.label: row.norm for row in rows if row.norm is not None}
        _go_on(worker, submission, rounds, rounds.after(round, norms), round=round + 1)
    else:
        _judge(worker, submission, rounds)


def _judge(worker: WorkerProcess, submission: Submission, rounds: Plan) -> None:
    """Detection; the smallest labels are inverted again in a round of their own before it is recorded."""
    options = ScanOptions(**submission.options)
    height, width, _ = submission.input_shape or (0, 0, 0)
    with worker.store.read() as session:
        rows = labels.latest(session, submission_id=submission.id)
        confirmed = labels.ended_after(session, submission_id=submission.id, round=rounds.screenings)
    norms = [labels.norm_of(row, rounds) for row in rows]
    found = detect(norms, classes=int(submission.classes or 0), pixels=height * width, alpha=options.alpha)
    if doubtful := to_confirm(norms, flagged=found.flagged_labels, confirmed=confirmed):
        _go_on(worker, submission, rounds, doubtful, round=submission.round + 1)
    else:
        _record(worker, submission, found, options)


def _go_on(worker: WorkerProcess, submission: Submission, rounds: Plan, going: Sequence[int], *, round: int) -> None:
    """Begin the next round with these labels."""
    with worker.store.write() as session:
        moved = submissions.next_round(session, submission_id=submission.id, round=round)
        if moved:
            labels.create(
                session,
                submission_id=submission.id,
                labels=going,
                round=round,
                updates_budget=_updates_budget(rounds, round),
            )
    if moved:
        resume_round(worker, submission.id, round)


def _record(worker: WorkerProcess, submission: Submission, found: Detection, options: ScanOptions) -> None:
    repairs = options.mitigate if found.verdict == "backdoored" else ()
    with worker.store.write() as session:
        detections.record(session, submission_id=submission.id, body=found.to_json())
        if repairs:
            mitigations.create(session, submission_id=submission.id, methods=repairs)
        submissions.set_state(session, submission_id=submission.id, state="repairing" if repairs else "done")
    for method in repairs:
        publish_repair(submission.id, method)


def publish_repair(submission_id: str, method: str) -> None:
    """Send the task of one repair."""
    app.send_task(
        "nc_tasks.repair",
        kwargs={"submission": submission_id, "method": method},
        queue="control",
        ignore_result=True,
    )


def conclude(worker: WorkerProcess, submission_id: str) -> None:
    """End the submission once every repair has ended."""
    with worker.store.write() as session:
        if mitigations.all_terminal(session, submission_id=submission_id):
            submissions.set_state(session, submission_id=submission_id, state="done")


def carry_on(worker: WorkerProcess, submission_id: str) -> None:
    """Go on with a prepared submission from wherever it stands."""
    with worker.store.write() as session:
        workers.release_dead(session, host=worker.id.rpartition(":")[0])
        submission = submissions.get(session, submission_id=submission_id)
        repairs = mitigations.of_submission(session, submission_id=submission_id)
    if submission.state == "inverting":
        resume_round(worker, submission_id, submission.round)
    elif submission.state == "repairing":
        for repair in repairs:
            publish_repair(submission_id, repair.method)
