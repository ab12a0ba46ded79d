"""Label rows: one target label in one round, claimed, kept alive and ended by workers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from nc_core.scanning.rounds import RANGE_ROUNDS, range_of
from nc_tasks.store.rows import leases, outbox
from nc_tasks.store.rows.statements import insert_absent
from nc_tasks.store.tables import Label, Submission
from nc_tasks.store.tables.states import LABEL_ENDS, LabelState


@dataclass(frozen=True, kw_only=True)
class LabelKey:
    """Which row: a target label in a round of a submission."""

    submission_id: str
    label: int
    round: int

    @property
    def row(self) -> leases.Key:
        """The row's primary key."""
        return self.submission_id, self.label, self.round


@dataclass(frozen=True, kw_only=True)
class LabelProgress:
    """How far one claimed label is; norm (pixels) and attack_success_rate (0..1) are the latest."""

    key: LabelKey
    attempt: int
    updates: int
    norm: float | None = None
    attack_success_rate: float | None = None


@dataclass(frozen=True, kw_only=True)
class LabelCounts:
    """How far a round is.

    states: number of labels per state. updates: done so far. updates_budget: the updates of those that have
    ended plus the budgets of the others, so that the quotient rises to 1 although labels stop early.
    """

    states: dict[str, int]
    updates: int
    updates_budget: int

    @property
    def total(self) -> int:
        """All labels of the round."""
        return sum(self.states.values())

    @property
    def ended(self) -> int:
        """Labels in a terminal state."""
        return sum(self.states.get(state, 0) for state in LABEL_ENDS)


def create(session: Session, *, submission_id: str, labels: Iterable[int], round: int, updates_budget: int) -> int:
    """Queue the labels in one insert; those that are there stay as they are. Returns how many were new."""
    rows = [
        {"submission_id": submission_id, "label": label, "round": round, "updates_budget": updates_budget}
        for label in labels
    ]
    return insert_absent(session, Label, rows)


def claim(
    session: Session, *, key: LabelKey, worker_id: str, lease_seconds: float, max_attempts: int, alone: bool = False
) -> int | None:
    """Take the label and return the attempt; None: it has ended (perhaps just now) or a worker has it.

    alone: no other label is in this process. One that must be alone is not given to a worker that says otherwise.
    """
    return leases.claim(
        session,
        Label,
        key.row,
        worker_id=worker_id,
        lease_seconds=lease_seconds,
        max_attempts=max_attempts,
        matching={"alone": alone},
    )


def must_be_alone(session: Session, *, key: LabelKey) -> bool:
    """Whether the label waits to be tried with no other beside it."""
    query = select(Label.alone).where(*_of(key.submission_id, key.round), Label.label == key.label)
    return bool(session.scalar(query.where(Label.state == "queued")))


def heartbeat(session: Session, *, lease_seconds: float, progress: Sequence[LabelProgress]) -> list[LabelKey]:
    """Renew the leases of a worker's slots and write their progress; returns the labels that it has lost.

    A lost label was cancelled, or given to another worker after a silence: its work must stop.
    """
    return [entry.key for entry in progress if not _renew(session, entry, lease_seconds)]


def _renew(session: Session, entry: LabelProgress, lease_seconds: float) -> bool:
    values = {
        "updates": entry.updates,
        "norm": entry.norm,
        "attack_success_rate": entry.attack_success_rate,
    }
    return leases.renew(
        session, Label, entry.key.row, attempt=entry.attempt, lease_seconds=lease_seconds, values=values
    )


def finish(
    session: Session,
    *,
    key: LabelKey,
    attempt: int,
    state: LabelState,
    updates: int,
    norm: float | None = None,
    norms: Sequence[float | None] | None = None,
    attack_success_rate: float | None = None,
    seconds: float | None = None,
    gradient_images: int | None = None,
    trigger_sha256: str | None = None,
    reason: str | None = None,
    evidence: dict[str, Any] | None = None,
    evidence_sha256: str | None = None,
) -> bool:
    """Write the label's end; False: it is no longer this attempt's, and nothing was written.

    norm: sum of the kept mask (pixels). norms: of every inversion that it is the middle of.
    attack_success_rate: of the kept trigger on held-out images.
    seconds: of optimisation. gradient_images: updates x batch. evidence: what its numbers bear out.
    evidence_sha256: what of that can be drawn.
    """
    if state not in LABEL_ENDS:
        raise ValueError(f"label {key.label} cannot end in state {state!r}; the ends are {', '.join(LABEL_ENDS)}")
    values: dict[str, Any] = {
        "state": state,
        "updates": updates,
        "norm": norm,
        "norms": None if norms is None else list(norms),
        "attack_success_rate": attack_success_rate,
        "seconds": seconds,
        "gradient_images": gradient_images,
        "trigger_sha256": trigger_sha256,
        "reason": reason,
        "evidence": evidence,
        "evidence_sha256": evidence_sha256,
    }
    return leases.finish(session, Label, key.row, attempt=attempt, values=values)


def release(session: Session, *, key: LabelKey, attempt: int) -> bool:
    """Give a label back unfinished, in good order: queued again, not counted as an attempt.

    False: it is no longer this attempt's (it was cancelled, or given to another worker).
    """
    return leases.release(session, Label, key.row, attempt=attempt)


def forget_message(session: Session, *, key: LabelKey) -> bool:
    """The label's message was used up without a claim: where the label waits, it needs another."""
    return outbox.forget(session, Label, *_of(key.submission_id, key.round), Label.label == key.label) == 1


def all_terminal(session: Session, *, submission_id: str, round: int) -> bool:
    """Whether the round has labels and each has ended."""
    counted = counts(session, submission_id=submission_id, round=round)
    return 0 < counted.total == counted.ended


def of_round(session: Session, *, submission_id: str, round: int) -> list[Label]:
    """The rows of a round, by label."""
    return list(session.scalars(select(Label).where(*_of(submission_id, round)).order_by(Label.label)))


def ended_after(session: Session, *, submission_id: str, round: int) -> set[int]:
    """Labels that have ended in a later round than this one, of the same value range, whatever came of it."""
    end = (range_of(round) + 1) * RANGE_ROUNDS
    query = select(Label.label).where(Label.submission_id == submission_id, Label.round > round, Label.round < end)
    return set(session.scalars(query.where(Label.state.in_(LABEL_ENDS))))


def counts(session: Session, *, submission_id: str, round: int | None = None) -> LabelCounts:
    """Labels per state and updates, done and to come, of one round or of all."""
    query = select(Label.state, func.count(), func.sum(Label.updates), func.sum(Label.updates_budget))
    of = (Label.submission_id == submission_id,) if round is None else _of(submission_id, round)
    return _counted([*row] for row in session.execute(query.where(*of).group_by(Label.state)))


def counts_of_rounds(session: Session, *, submission_ids: Sequence[str]) -> dict[str, LabelCounts]:
    """The same of the present round of each of these submissions, in one query; without those that have no labels."""
    query = (
        select(Label.submission_id, Label.state, func.count(), func.sum(Label.updates), func.sum(Label.updates_budget))
        .join(Submission, (Submission.id == Label.submission_id) & (Submission.round == Label.round))
        .where(Label.submission_id.in_(submission_ids))
        .group_by(Label.submission_id, Label.state)
    )
    found: dict[str, list[Sequence[Any]]] = {}
    for submission_id, *row in session.execute(query):
        found.setdefault(submission_id, []).append(row)
    return {submission_id: _counted(rows) for submission_id, rows in found.items()}


def _counted(rows: Iterable[Sequence[Any]]) -> LabelCounts:
    """Of rows of (state, number of labels, updates, budget)."""
    told = list(rows)
    return LabelCounts(
        states={state: number for state, number, _, _ in told},
        updates=sum(updates for _, _, updates, _ in told),
        updates_budget=sum(done if state in LABEL_ENDS else budget for state, _, done, budget in told),
    )


def _of(submission_id: str, round: int) -> tuple[ColumnElement[bool], ...]:
    return Label.submission_id == submission_id, Label.round == round
