"""Follows a submission in SQL: what phase it is in and how far."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy.orm import Session

from nc_core.rounds import Plan, Purpose, range_of, within_range
from nc_tasks.store import Store
from nc_tasks.store.rows import calibrations, labels, mitigations, submissions
from nc_tasks.store.rows.labels import LabelCounts
from nc_tasks.store.tables.states import SUBMISSION_ENDS
from nc_tasks.views.planning import plan_of

POLL_SECONDS = 0.1
POLL_SHARE = 0.02
"""Of one processor, which the workers need more: the more labels there are to count, the more seldom it looks."""

PHASES = ("prepare", "inversion", "detection", "repair")
_PHASE_OF = {"queued": "prepare", "preparing": "prepare", "inverting": "inversion", "repairing": "repair"}


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """How far a submission is, from one read.

    state: the submission's. phase: one of `PHASES`, None once it has ended. labels_total: of the scan. purpose: what
    the present round is for; round: its number from 0, of `screenings` and then the inversion; labels_ended, labels: of
    this round. range: number of the value range at work, of `ranges`, each with rounds of its own. inversion, repair:
    done share, 0..1. repairs: methods that are tried. clean_scans: that the verdict is held against; awaited: those of
    them that it waits for, its own labels having ended.
    """

    state: str
    phase: str | None
    reason: str | None
    labels_total: int
    purpose: Purpose
    round: int
    screenings: int
    labels_ended: int
    labels: int
    inversion: float
    repairs: int
    repair: float
    range: int = 0
    ranges: int = 1
    clean_scans: int = 0
    awaited: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in SUBMISSION_ENDS

    @classmethod
    def from_event(cls, told: Mapping[str, Any]) -> Self:
        """From a server's `progress` event, which says no reason; repairs are counted as one."""
        names = ("state", "phase", "labels_total", "purpose", "round", "screenings", "labels_ended", "labels")
        inversion, repair = told["shares"]["inversion"], told["shares"]["repair"]
        return cls(
            **{name: told[name] for name in names},
            # A server of an earlier version scans in one.
            range=told.get("range", 0),
            ranges=told.get("ranges", 1),
            clean_scans=told.get("clean_scans", 0),
            awaited=told.get("awaited", 0),
            reason=None,
            inversion=inversion,
            repairs=int(repair > 0 or told["phase"] == "repair"),
            repair=repair,
        )

    @classmethod
    def at_end(cls, *, state: str, reason: str | None, labels: int) -> Self:
        """Of a submission that has ended, where nothing is known but that. labels: of the scan."""
        return cls(
            state=state,
            phase=None,
            reason=reason,
            labels_total=labels,
            purpose="inversion",
            round=0,
            screenings=0,
            labels_ended=labels,
            labels=labels,
            inversion=1.0,
            repairs=0,
            repair=0.0,
        )


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
