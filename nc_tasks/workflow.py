"""The way of one submission: what follows when something has ended. Every step may be repeated without harm.

SQL is the truth; a chord is only the fast path to the next step, and the sweeper sees to it where that fails. Each
function reads where the submission stands, does what is due there, and does nothing where that was done already.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from nc_core.detection import (
    AGAIN,
    Detection,
    LabelNorm,
    ScannedRange,
    combine,
    detect,
    is_small,
    share_of,
    to_confirm,
)
from nc_core.profiles import ALL_PROFILES
from nc_core.rounds import Plan, range_of
from nc_tasks.options import ScanOptions
from nc_tasks.planning import plan_of, ranges_of
from nc_tasks.publishing import publish_compare, send_labels, send_repairs
from nc_tasks.results import choice_of
from nc_tasks.store import (
    Store,
    Submission,
    budgets,
    course,
    detections,
    findings,
    labels,
    mitigations,
    preparations,
    submissions,
)
from nc_tasks.worker import WorkerProcess

log = logging.getLogger(__name__)


def begin_scan(worker: WorkerProcess, submission_id: str) -> None:
    """Queue all labels of a prepared submission and send one task for each."""
    with worker.store.write() as session:
        submission = submissions.get(session, submission_id=submission_id)
        rounds = plan_of(submission)
        _queue(session, submission, rounds, rounds.labels, round=0)
        moved = course.set_state(session, submission_id=submission_id, state="inverting", round=0)
    if moved:
        resume_round(worker, submission_id, 0)


def _queue(session: Session, submission: Submission, rounds: Plan, going: Sequence[int], *, round: int) -> None:
    """Queue a round's labels; where the budget is used up they are cancelled at once, and nobody begins them.

    Confirmations are few, and a verdict is not to rest on one lucky start: they are done whatever the budget says.
    """
    budget = _updates_budget(rounds, round)
    labels.create(session, submission_id=submission.id, labels=going, round=round, updates_budget=budget)
    if rounds.purpose(round) != "confirmation" and budgets.is_spent(session, submission_id=submission.id):
        minutes = submission.options["budget_minutes"]
        budgets.end_labels(session, submission_id=submission.id, round=round, minutes=minutes)


def end_spent(store: Store) -> int:
    """Cancel what is open of submissions whose budget is used up; returns how many labels that is."""
    with store.read() as session:
        over = [(row, plan_of(row)) for row in budgets.spent(session)]
    over = [(row, rounds) for row, rounds in over if rounds.purpose(row.round) != "confirmation"]
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
    rounds = plan_of(submission)
    if rounds.purpose(round) == "screening":
        with worker.store.read() as session:
            rows = labels.of_round(session, submission_id=submission_id, round=round)
        going = rounds.after(round, {row.label: row.norm for row in rows if row.norm is not None})
        if going:
            _go_on(worker, submission, rounds, going, round=round + 1)
            return
    _judge(worker, submission, rounds)


def _judge(worker: WorkerProcess, submission: Submission, rounds: Plan) -> None:
    """What follows the last round of a range: its smallest labels inverted again, the next range, or the verdict."""
    number = range_of(submission.round)
    with worker.store.read() as session:
        norms = _norms(session, submission, rounds, number)
        inversion = rounds.inversion_round(number)
        confirmed = labels.ended_after(session, submission_id=submission.id, round=inversion)
        spent = budgets.is_spent(session, submission_id=submission.id)
    found = _detect(submission, rounds, norms)
    height, width, _ = submission.input_shape or (0, 0, 0)
    doubtful = to_confirm(norms, flagged=found.flagged_labels, confirmed=confirmed, pixels=height * width)
    if spent:
        # Only what would be called a backdoor: that is not to rest on one lucky start, everything else ends here.
        small = {norm.label for norm in norms if is_small(norm, pixels=height * width)}
        doubtful = [label for label in doubtful if label in {*found.flagged_labels, *small}]
    # Where no label got past the screening there is no norm to confirm.
    if doubtful and rounds.purpose(submission.round) != "screening":
        _go_on(worker, submission, rounds, doubtful, round=submission.round + 1)
    elif number + 1 < rounds.ranges:
        _go_on(worker, submission, rounds, rounds.labels, round=rounds.first_round(number + 1))
    else:
        _record(worker, submission, _combined(worker, submission, rounds))


def _norms(session: Session, submission: Submission, rounds: Plan, range: int) -> list[LabelNorm]:
    rows = findings.latest(session, submission_id=submission.id, range=range)
    return [findings.norm_of(row, rounds) for row in rows]


def _detect(submission: Submission, rounds: Plan, norms: Sequence[LabelNorm]) -> Detection:
    """The detection of one range."""
    height, width, _ = submission.input_shape or (0, 0, 0)
    alpha = share_of(ScanOptions(**submission.options).alpha, rounds.ranges)
    found = detect(norms, classes=int(submission.classes or 0), pixels=height * width, alpha=alpha)
    if any(norm.state == "cancelled" for norm in norms):
        why = budgets.used_up(submission.options["budget_minutes"])
        found = replace(found, reason=f"{found.reason} {why[0].upper()}{why[1:]}.")
    return found


def _combined(worker: WorkerProcess, submission: Submission, rounds: Plan) -> Detection:
    """The verdict over all ranges, from their label rows alone."""
    found = submission.preflight or {}
    with worker.store.read() as session:
        norms = [_norms(session, submission, rounds, number) for number in range(rounds.ranges)]
    scanned = [
        ScannedRange(
            value_range=one.get("value_range", ""),
            scale=tuple(one.get("scale", ())),
            offset=tuple(one.get("offset", ())),
            score=one.get("score", 0.0),
            clean_accuracy=one.get("clean_accuracy"),
            first_round=rounds.first_round(number),
            detection=_detect(submission, rounds, norms[number]),
        )
        for number, one in enumerate(ranges_of(submission))
    ]
    alpha = ScanOptions(**submission.options).alpha
    return combine(scanned, alpha=alpha, labelled=bool(found.get("labelled")), doubts=found.get("doubts", ()))


def _go_on(worker: WorkerProcess, submission: Submission, rounds: Plan, going: Sequence[int], *, round: int) -> None:
    """Begin the next round with these labels."""
    with worker.store.write() as session:
        moved = course.next_round(session, submission_id=submission.id, round=round, after=submission.round)
        if moved:
            _queue(session, submission, rounds, going, round=round)
    if moved:
        resume_round(worker, submission.id, round)


def _record(worker: WorkerProcess, submission: Submission, found: Detection) -> None:
    repairs = ScanOptions(**submission.options).mitigate if found.verdict == "backdoored" else ()
    with worker.store.write() as session:
        if detections.record(session, submission_id=submission.id, body=found.to_json()):
            course.set_range(session, submission_id=submission.id, range=found.range)
        if repairs:
            mitigations.create(session, submission_id=submission.id, methods=repairs)
        course.set_state(session, submission_id=submission.id, state="repairing" if repairs else "done")
    if repairs:
        send_repairs(worker.store, submission.id, patience_seconds=worker.settings.lease_seconds)


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
        mine = course.nudge(session, submission_id=submission_id, patience_seconds=patience_seconds)
    if mine:
        publish_compare(submission_id)
    return mine


def _end(session: Session, submission_id: str) -> bool:
    """Keep the best repair and end the submission, both at once and once."""
    ended = course.set_state(session, submission_id=submission_id, state="done")
    if ended:
        detection = detections.get(session, submission_id=submission_id)
        assert detection is not None  # repairs follow a verdict
        repairs = mitigations.of_submission(session, submission_id=submission_id)
        choice = choice_of(repairs, detection.body["flagged_labels"])
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
