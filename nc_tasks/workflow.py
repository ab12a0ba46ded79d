"""The way of one submission: what follows when something has ended. Every step may be repeated without harm.

SQL is the truth; a chord is only the fast path to the next step, and the sweeper sees to it where that fails. Each
function reads where the submission stands, does what is due there, and does nothing where that was done already.
"""

import logging
import math

from sqlalchemy.orm import Session

from nc_core.detection import AGAIN, Detection
from nc_core.profiles import ALL_PROFILES
from nc_core.scanning.budget import ends_round
from nc_core.scanning.conductor import Round, first_round, next_step
from nc_core.scanning.rounds import Plan, range_of
from nc_tasks.messages.publishing import publish_compare, publish_gather, send_labels, send_repairs
from nc_tasks.request.options import ScanOptions
from nc_tasks.store import Store, Submission
from nc_tasks.store.rows import (
    budgets,
    calibrations,
    detections,
    labels,
    lifecycle,
    mitigations,
    preparations,
    submissions,
)
from nc_tasks.views import judging
from nc_tasks.views.planning import plan_of
from nc_tasks.views.repairs import choice_of, targets_in
from nc_tasks.worker.process import WorkerProcess

log = logging.getLogger(__name__)


def begin_scan(worker: WorkerProcess, submission_id: str) -> None:
    """Queue all labels of a prepared submission and send one task for each."""
    with worker.store.write() as session:
        submission = submissions.get(session, submission_id=submission_id)
        _queue(session, submission, first_round(plan_of(submission)))
        moved = lifecycle.set_state(session, submission_id=submission_id, state="inverting", round=0)
    if moved:
        resume_round(worker, submission_id, 0)


def _queue(session: Session, submission: Submission, following: Round) -> None:
    """Queue a round's labels; where the budget is used up they are cancelled at once, and nobody begins them."""
    rounds, number = plan_of(submission), following.number
    budget = _updates_budget(rounds, number)
    labels.create(session, submission_id=submission.id, labels=following.labels, round=number, updates_budget=budget)
    if ends_round(rounds, number) and budgets.is_spent(session, submission_id=submission.id):
        minutes = submission.options["budget_minutes"]
        budgets.end_labels(session, submission_id=submission.id, round=number, minutes=minutes)


def end_spent(store: Store) -> int:
    """Cancel what is open of submissions whose budget is used up; returns how many labels that is."""
    with store.read() as session:
        over = [(row, plan_of(row)) for row in budgets.spent(session)]
    over = [(row, rounds) for row, rounds in over if ends_round(rounds, row.round)]
    if not over:
        return 0
    with store.write() as session:
        return sum(
            budgets.end_labels(session, submission_id=row.id, round=row.round, minutes=row.options["budget_minutes"])
            for row, _ in over
        )


def _updates_budget(rounds: Plan, round: int) -> int:
    """Most updates of one label in a round."""
    inversions = len(AGAIN) if rounds.purpose(round) == "confirmation" else 1
    return inversions * ALL_PROFILES[rounds.profile_of(round)].max_updates


def resume_round(worker: WorkerProcess, submission_id: str, round: int) -> None:
    """Send a task for every label that waits without one, or take the step after the round where all have ended."""
    with worker.store.read() as session:
        over = labels.all_terminal(session, submission_id=submission_id, round=round)
    if over:
        advance(worker, submission_id, round)
    else:
        send_labels(worker.store, submission_id, round, patience_seconds=worker.settings.lease_seconds)


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
    following = _next_round(worker, submission)
    if following is None:
        _conclude_scan(worker, submission)
    else:
        _go_on(worker, submission, following)


def _next_round(worker: WorkerProcess, submission: Submission) -> Round | None:
    """The round after the one that has ended, None where the verdict is next."""
    rounds, height_width = plan_of(submission), (submission.input_shape or (0, 0, 0))[:2]
    options = ScanOptions(**submission.options)
    number = range_of(submission.round)
    with worker.store.read() as session:
        norms = judging.norms(session, submission, rounds, number)
        rows = labels.of_round(session, submission_id=submission.id, round=submission.round)
        inversion = rounds.inversion_round(number)
        confirmed = labels.ended_after(session, submission_id=submission.id, round=inversion)
        spent = budgets.is_spent(session, submission_id=submission.id)
    return next_step(
        rounds,
        submission.round,
        norms,
        masks={row.label: row.norm for row in rows if row.norm is not None},
        confirmed=confirmed,
        classes=int(submission.classes or 0),
        pixels=math.prod(height_width),
        alpha=options.alpha,
        detector=options.detector,
        spent=spent,
    )


def _conclude_scan(worker: WorkerProcess, submission: Submission) -> None:
    """Record the verdict; while clean scans that it is held against are open, leave it to the last of them."""
    with worker.store.read() as session:
        if calibrations.awaited(session, submission_id=submission.id).open:
            return
        calibration = judging.calibration_of(session, submission)
        found = judging.judge(session, submission, calibration=calibration)
    _record(worker, submission, found)


def _go_on(worker: WorkerProcess, submission: Submission, following: Round) -> None:
    """Begin the next round."""
    number = following.number
    with worker.store.write() as session:
        moved = lifecycle.next_round(session, submission_id=submission.id, round=number, after=submission.round)
        if moved:
            _queue(session, submission, following)
    if moved:
        resume_round(worker, submission.id, number)


def _record(worker: WorkerProcess, submission: Submission, found: Detection) -> None:
    repairs = ScanOptions(**submission.options).mitigate if found.to_repair or found.class_map else ()
    with worker.store.write() as session:
        if detections.record(session, submission_id=submission.id, body=found.to_json()):
            lifecycle.set_range(session, submission_id=submission.id, range=found.range)
        if repairs:
            mitigations.create(session, submission_id=submission.id, methods=repairs)
        lifecycle.set_state(session, submission_id=submission.id, state="repairing" if repairs else "done")
    if repairs:
        send_repairs(worker.store, submission.id, patience_seconds=worker.settings.lease_seconds)
    release(worker.store, submission.id)


def release(store: Store, scan_id: str) -> None:
    """Ask for the verdict of every submission that waits for this scan, which has come to its end, and for no other."""
    with store.read() as session:
        ready = [
            (row.id, row.round)
            for row in calibrations.waiting(session, scan_id=scan_id)
            if labels.all_terminal(session, submission_id=row.id, round=row.round)
        ]
    for submission_id, number in ready:
        publish_gather(submission_id, number)


def conclude(store: Store, submission_id: str, *, patience_seconds: float) -> bool:
    """What follows the repairs once all have ended: a comparison where there are several nets, then the end.

    Returns whether something was done: the comparison is asked for once in `patience_seconds`.
    """
    with store.write() as session:
        if not mitigations.all_terminal(session, submission_id=submission_id):
            return False
        comparing = mitigations.to_compare(session, submission_id=submission_id)
        if not comparing:
            return _end(session, submission_id)
        mine = lifecycle.nudge(session, submission_id=submission_id, patience_seconds=patience_seconds)
    if mine:
        publish_compare(submission_id)
    return mine


def _end(session: Session, submission_id: str) -> bool:
    """Keep the best repair and end the submission, both at once and once."""
    ended = lifecycle.set_state(session, submission_id=submission_id, state="done")
    if ended:
        detection = detections.get(session, submission_id=submission_id)
        assert detection is not None  # repairs follow a verdict
        repairs = mitigations.of_submission(session, submission_id=submission_id)
        targets, _ = targets_in(detection.body)
        choice = choice_of(repairs, targets)
        if choice is not None and choice.kept is not None:
            mitigations.keep(session, submission_id=submission_id, method=choice.kept)
    return ended


def carry_on(worker: WorkerProcess, submission_id: str) -> None:
    """Go on with a prepared submission from wherever it stands."""
    with worker.store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
        prepared = preparations.has_ended(session, submission_id=submission_id)
    if submission.state == "preparing" and prepared:
        begin_scan(worker, submission_id)
    elif submission.state == "inverting":
        resume_round(worker, submission_id, submission.round)
    elif submission.state == "repairing":
        send_repairs(worker.store, submission_id, patience_seconds=worker.settings.lease_seconds)
        conclude(worker.store, submission_id, patience_seconds=worker.settings.lease_seconds)
