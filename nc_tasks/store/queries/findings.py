"""Findings: what is known of each label of a submission, over all its rounds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from nc_core.detection import Evidence, LabelNorm
from nc_core.scanning.rounds import RANGE_ROUNDS, Plan
from nc_tasks.store.tables import Label, Mitigation, Submission
from nc_tasks.store.tables.states import RESULTS

R = TypeVar("R", bound=Any)


@dataclass(frozen=True, kw_only=True)
class LabelTotals:
    """What one label took. seconds: of optimisation. gradient_images: updates x batch."""

    updates: int
    seconds: float
    gradient_images: int


class Finding(NamedTuple):
    """What is known of one label: from its row, without who works on it.

    Of a thousand labels these are read several times as fast as rows that the session watches for changes.
    """

    label: int
    round: int
    state: str
    norm: float | None
    norms: list[float | None] | None
    attack_success_rate: float | None
    updates: int
    seconds: float | None
    gradient_images: int | None
    trigger_sha256: str | None
    reason: str | None
    evidence: dict[str, Any] | None
    evidence_sha256: str | None


FINDING = tuple(getattr(Label, name) for name in Finding._fields)


def latest(
    session: Session, *, submission_id: str, label: int | None = None, range: int | None = None
) -> list[Finding]:
    """What each label's last round has found, by label. label: of this one alone.

    range: number of the value range; None: of the one that is at work, or that the verdict rests on.
    """
    query = select(*FINDING).where(*of_range(session, submission_id=submission_id, range=range))
    query = query if label is None else query.where(Label.label == label)
    return [Finding(*row) for row in last_rounds(session.execute(query.order_by(Label.label, Label.round)))]


class Universality(NamedTuple):
    """Of one label by its last round, as in its evidence: None where that was not measured."""

    label: int
    round: int
    state: str
    transferability: float | None
    few_norm: float | None


def universality(session: Session, *, submission_id: str) -> list[Universality]:
    """By label; of the value range that is at work, or that the verdict rests on."""
    figures = (Label.evidence[name].as_float() for name in ("transferability", "few_norm"))
    query = select(Label.label, Label.round, Label.state, *figures)
    query = query.where(*of_range(session, submission_id=submission_id)).order_by(Label.label, Label.round)
    return [Universality(*row) for row in last_rounds(session.execute(query))]


def drawn(session: Session, *, submission_id: str) -> dict[int, str]:
    """Label -> digest of what of its evidence can be drawn, where something can; range: as in `universality`."""
    query = select(Label.label, Label.round, Label.state, Label.evidence_sha256)
    query = query.where(*of_range(session, submission_id=submission_id), Label.evidence_sha256.is_not(None))
    rows = session.execute(query.order_by(Label.label, Label.round))
    return {row.label: row.evidence_sha256 for row in rows}


def of_range(session: Session, *, submission_id: str, range: int | None = None) -> tuple[ColumnElement[bool], ...]:
    """Conditions that label rows of a submission and one of its value ranges meet; range: as in `latest`."""
    if range is None:
        shown = select(Submission.preflight["range"].as_integer()).where(Submission.id == submission_id)
        number = session.scalar(shown) or 0  # a preparation of an earlier version says none
    else:
        number = range
    first = number * RANGE_ROUNDS
    return Label.submission_id == submission_id, Label.round >= first, Label.round < first + RANGE_ROUNDS


def last_rounds(rows: Iterable[R]) -> list[R]:
    """Of one range's rows by label and round, for each label the one that says what is known of it.

    A confirmation that failed takes nothing away from what the inversion before it found; an inversion that failed
    after a screening leaves nothing, since that was but a glance.
    """
    found: dict[int, R] = {}
    for row in rows:
        if row.label not in found or row.state in RESULTS or found[row.label].state == "screened_out":
            found[row.label] = row
    return list(found.values())


def screened(session: Session, *, submission_id: str, rounds: Plan, range: int | None = None) -> dict[int, float]:
    """Label -> norm of its mask as the first round of screening left it; nothing where none was screened.

    range: as in `latest`.
    """
    if not rounds.screenings:
        return {}
    in_range = of_range(session, submission_id=submission_id, range=range)
    first = Label.round % RANGE_ROUNDS == 0
    query = select(Label.label, Label.norm).where(*in_range, first, Label.norm.is_not(None))
    return {row.label: row.norm for row in session.execute(query)}


def norm_of(row: Finding, rounds: Plan, screened_norm: float | None = None) -> LabelNorm:
    """An ended label as detection wants it; only labels that are done have a norm. screened_norm: as in `screened`."""
    state: Any = row.state
    done = state == "done"
    return LabelNorm(
        label=row.label,
        state=state,
        norm=row.norm if done else None,
        attack_success_rate=row.attack_success_rate if done else None,
        reference=row.label in rounds.reference,
        evidence=None if row.evidence is None else Evidence.from_json(row.evidence),
        reason=row.reason,
        screened_norm=screened_norm,
    )


def doubt_of(row: Finding) -> str | None:
    """Why an ended label has no outcome; None where it has one."""
    state: Any = row.state
    evidence = None if row.evidence is None else Evidence.from_json(row.evidence)
    norm = row.norm if state == "done" else None
    return LabelNorm(label=row.label, state=state, norm=norm, evidence=evidence, reason=row.reason).doubt


def followers(session: Session, *, submission_ids: Iterable[str]) -> dict[str, frozenset[int]]:
    """Of each of these submissions the labels that the repair that is kept names as followers; none without one."""
    query = select(Mitigation.submission_id, Mitigation.body["followers"])
    query = query.where(Mitigation.submission_id.in_(tuple(submission_ids)), Mitigation.kept)
    # A repair of an earlier version names none.
    return {submission_id: frozenset(named or ()) for submission_id, named in session.execute(query)}


def totals(session: Session, *, submission_id: str) -> dict[int, LabelTotals]:
    """What each label took in all its rounds, of all ranges."""
    query = select(
        Label.label, func.sum(Label.updates), func.sum(Label.seconds), func.sum(Label.gradient_images)
    ).where(Label.submission_id == submission_id)
    return {
        label: LabelTotals(updates=updates, seconds=seconds or 0.0, gradient_images=images or 0)
        for label, updates, seconds, images in session.execute(query.group_by(Label.label))
    }
