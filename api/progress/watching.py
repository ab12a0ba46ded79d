"""Follows a submission in SQL: what phase it is in and how far."""

import time
from collections.abc import Iterator

from sqlalchemy.orm import Session

from api.progress.snapshot import Snapshot
from nc_core.scanning.rounds import Plan, range_of, within_range
from nc_tasks.store import Store
from nc_tasks.store.rows import calibrations, labels, mitigations, submissions
from nc_tasks.store.rows.labels import LabelCounts
from nc_tasks.views.planning import plan_of

POLL_SECONDS = 0.1
POLL_SHARE = 0.02
"""Of one processor, which the workers need more: the more labels there are to count, the more seldom it looks."""

_PHASE_OF = {"queued": "prepare", "preparing": "prepare", "inverting": "inversion", "repairing": "repair"}


def snapshot(session: Session, submission_id: str) -> Snapshot:
    """Read the submission; raises NoSuchSubmission."""
    submission = submissions.get(session, submission_id=submission_id)
    rounds = plan_of(submission)
    purpose = rounds.purpose(submission.round)
    counted = labels.counts(session, submission_id=submission_id, round=submission.round)
    repairs = mitigations.of_submission(session, submission_id=submission_id)
    clean = calibrations.awaited(session, submission_id=submission_id)
    phase = _PHASE_OF.get(submission.state)
    last = range_of(submission.round) + 1 == rounds.ranges
    over = phase == "inversion" and last and counted.ended == counted.total
    if over and purpose == "confirmation":
        phase = "detection"
    return Snapshot(
        state=submission.state,
        phase=phase,
        reason=submission.reason,
        labels_total=len(rounds.labels),
        purpose=purpose,
        round=within_range(submission.round),
        range=range_of(submission.round),
        ranges=rounds.ranges,
        screenings=rounds.screenings,
        labels_ended=counted.ended,
        labels=counted.total,
        inversion=_inversion(rounds, submission.round, counted) if phase == "inversion" else float(counted.total > 0),
        repairs=len(repairs),
        repair=sum(row.progress for row in repairs) / len(repairs) if repairs else 0.0,
        clean_scans=clean.scans,
        awaited=clean.open if over and counted.total else 0,
    )


def _inversion(rounds: Plan, round: int, counted: LabelCounts) -> float:
    """The done share of all rounds."""
    return rounds.share(round, counted.updates / counted.updates_budget) if counted.updates_budget else 0.0


def watch(store: Store, submission_id: str, *, every: float = POLL_SECONDS) -> Iterator[Snapshot]:
    """Snapshots until the submission has ended; the last one is of its end."""
    while True:
        begin = time.process_time()
        with store.read() as session:
            seen = snapshot(session, submission_id)
        took = time.process_time() - begin
        yield seen
        if seen.ended:
            return
        time.sleep(max(every, took / POLL_SHARE))
