"""A submission's life: from state to state and from round to round, and which ones stand still."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import Session

from nc_core.scanning.rounds import range_of
from nc_tasks.store.rows.restart import restart_labels
from nc_tasks.store.rows.statements import changed
from nc_tasks.store.tables import Label, Leased, Mitigation, Preparation, Submission
from nc_tasks.store.tables.states import SUBMISSION_ENDS, SUBMISSION_SOURCES, SubmissionState
from nc_tasks.store.tables.types import now


def set_state(session: Session, *, submission_id: str, state: SubmissionState, **values: Any) -> bool:
    """Move on to the state, with other columns if given; False where it may not follow the present one."""
    moment = now(session)
    if state == "preparing":
        values.setdefault("started_at", moment)
    if state == "inverting":
        values.setdefault("inverting_at", moment)
    if state in SUBMISSION_ENDS:
        values.setdefault("finished_at", moment)
    statement = (
        update(Submission)
        .where(Submission.id == submission_id, Submission.state.in_(SUBMISSION_SOURCES[state]))
        .values(state=state, nudged_at=None, **values)
    )
    return changed(session, statement) == 1


def next_round(session: Session, *, submission_id: str, round: int, after: int | None = None) -> bool:
    """Go on to this round; False where it is not the one that follows, or no label is inverted any more.

    after: the round that it follows, None for the one with the number before. With the first round of another value
    range that range becomes the present one.
    """
    before = round - 1 if after is None else after
    statement = update(Submission).where(
        Submission.id == submission_id, Submission.state == "inverting", Submission.round == before
    )
    moved = changed(session, statement.values(round=round, nudged_at=None)) == 1
    if moved and range_of(round) != range_of(before):
        set_range(session, submission_id=submission_id, range=range_of(round))
    return moved


def set_range(session: Session, *, submission_id: str, range: int) -> None:
    """Let the preflight tell of this value range: what it says of the range then holds for every trigger shown."""
    found = session.get_one(Submission, submission_id, populate_existing=True).preflight or {}
    # Another preparation of an earlier version names one range alone.
    if "ranges" in found:
        of_range = {name: value for name, value in found["ranges"][range].items() if name != "score"}
        told = update(Submission).where(Submission.id == submission_id)
        changed(session, told.values(preflight={**found, **of_range, "range": range}))


def nudge(session: Session, *, submission_id: str, patience_seconds: float) -> bool:
    """Note that the message of the submission's next step is sent; False where it was, not long ago."""
    moment = now(session)
    long_ago = or_(Submission.nudged_at.is_(None), Submission.nudged_at <= moment - timedelta(seconds=patience_seconds))
    statement = update(Submission).where(Submission.id == submission_id, long_ago)
    return changed(session, statement.values(nudged_at=moment)) == 1


def record_prepared(
    session: Session,
    *,
    submission_id: str,
    canonical_sha256: str,
    scanned_sha256: str,
    clean_data_sha256: str,
    classes: int,
    input_shape: Sequence[int],
    parameters: int,
    preflight: dict[str, Any],
    slots: int,
    labels_total: int,
    versions: dict[str, Any],
) -> bool:
    """Write what preparing found; False where the submission is no longer being prepared.

    Where a try of an earlier version read the file as another net, no result of that one's labels stays.
    input_shape: (h, w, c). labels_total: labels to be scanned. versions: of the libraries that did it.
    """
    before = session.scalar(select(Submission.canonical_sha256).where(Submission.id == submission_id))
    statement = (
        update(Submission)
        .where(Submission.id == submission_id, Submission.state == "preparing")
        .values(
            canonical_sha256=canonical_sha256,
            scanned_sha256=scanned_sha256,
            clean_data_sha256=clean_data_sha256,
            classes=classes,
            input_shape=list(input_shape),
            parameters=parameters,
            preflight=preflight,
            slots=slots,
            labels_total=labels_total,
            versions=versions,
        )
    )
    kept = changed(session, statement) == 1
    if kept and before not in (None, canonical_sha256):
        restart_labels(session, submission_id=submission_id)
    return kept


def halve_slots(session: Session, *, submission_id: str, slots: int) -> int:
    """Halve the labels of one batch where so many were too many, once for all that found so; returns 1 or 0."""
    fewer = update(Submission).where(Submission.id == submission_id, Submission.slots == slots, Submission.slots > 1)
    return changed(session, fewer.values(slots=slots // 2))


def refuse(session: Session, *, submission_id: str, reason: str) -> bool:
    """End the submission because its input cannot be scanned; reason: one line."""
    return set_state(session, submission_id=submission_id, state="refused", reason=reason)


def fail(session: Session, *, submission_id: str, reason: str) -> bool:
    """End the submission because of a fault of ours; reason: one line."""
    return set_state(session, submission_id=submission_id, state="failed", reason=reason)


def unfinished(session: Session) -> list[str]:
    """Ids of the submissions that have not ended, oldest first."""
    query = select(Submission.id).where(Submission.state.not_in(SUBMISSION_ENDS))
    return list(session.scalars(query.order_by(Submission.created_at, Submission.id)))


def standing(session: Session) -> list[Submission]:
    """Submissions whose present step is over, and whose next one was not taken: prepared, inverted or repaired."""

    def open_in(table: type[Leased], *of: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists().where(table.state.in_(("queued", "running")), *of)

    labels = open_in(Label, Label.submission_id == Submission.id, Label.round == Submission.round)
    repairs = open_in(Mitigation, Mitigation.submission_id == Submission.id)
    prepared = exists().where(Preparation.submission_id == Submission.id, Preparation.state == "done")
    step_over = or_(
        and_(Submission.state == "preparing", prepared),
        and_(Submission.state == "inverting", ~labels),
        and_(Submission.state == "repairing", ~repairs),
    )
    return list(session.scalars(select(Submission).where(step_over).order_by(Submission.created_at, Submission.id)))
