"""Lists of submissions: filters, pages by cursor, and what one line of a list shows."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from nc_core.errors import OptionRefused
from nc_tasks.store.queries.findings import followers
from nc_tasks.store.tables import Batch, Detection, FlaggedLabel, Label, Submission
from nc_tasks.store.tables.states import SubmissionState, Verdict

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which submissions; None: any.

    flagged_label: as detected, be it a follower or not. text: part of the model's or the data's name, or how the id
    begins. batch: its id. created_after (included), created_before (excluded): aware times.
    """

    owner: str | None = None
    state: SubmissionState | None = None
    verdict: Verdict | None = None
    flagged_label: int | None = None
    model_sha256: str | None = None
    data_sha256: str | None = None
    text: str | None = None
    batch: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The last line of a page: the next one begins behind it, whatever was submitted meanwhile."""

    created_at: datetime
    id: str

    def text(self) -> str:
        """The cursor in letters that may stand in an address."""
        return f"{(self.created_at - EPOCH) // timedelta(microseconds=1)}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The cursor that `text` wrote; raises OptionRefused."""
        found = re.fullmatch(r"(\d{1,17})-([0-9a-f]{12})", text, re.ASCII)
        if found is None:
            raise OptionRefused(f"cursor {text[:80]!r} is none of ours: pass the next_cursor of a page")
        return cls(created_at=EPOCH + timedelta(microseconds=int(found[1])), id=found[2])


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One line of a list.

    verdict and what follows it: None before there is one. flagged_labels: without followers. label_states: labels per
    state, each by its last round.
    """

    submission: Submission
    verdict: str | None
    p_value: float | None
    smallest_label: int | None
    smallest_norm: float | None
    flagged_labels: tuple[int, ...]
    label_states: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Page:
    """Lines, newest first; following: None at the end of the list."""

    items: list[Listed]
    following: Cursor | None


def page(session: Session, *, filters: Filters, after: Cursor | None = None, limit: int = 50) -> Page:
    """One page of the submissions that pass the filters, in as many queries as for one of them."""
    query = _lines().where(*_conditions(filters))
    if after is not None:
        query = query.where(tuple_(Submission.created_at, Submission.id) < tuple_(after.created_at, after.id))
    query = query.order_by(Submission.created_at.desc(), Submission.id.desc())
    rows = session.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    last = shown[-1][0] if len(rows) > limit else None
    following = None if last is None else Cursor(created_at=last.created_at, id=last.id)
    return Page(items=_listed(session, shown), following=following)


def one(session: Session, *, submission_id: str) -> Listed | None:
    """The line of this submission, None where there is none."""
    rows = session.execute(_lines().where(Submission.id == submission_id)).all()
    return next(iter(_listed(session, rows)), None)


def label_states(session: Session, *, submission_ids: Iterable[str]) -> dict[str, Counter[str]]:
    """Labels per state of each of these submissions, every label by its last round."""
    later = aliased(Label)
    superseded = exists().where(
        later.submission_id == Label.submission_id, later.label == Label.label, later.round > Label.round
    )
    query = select(Label.submission_id, Label.state, func.count())
    query = query.where(Label.submission_id.in_(tuple(submission_ids)), ~superseded)
    counted: dict[str, Counter[str]] = {}
    for submission_id, state, number in session.execute(query.group_by(Label.submission_id, Label.state)):
        counted.setdefault(submission_id, Counter())[state] = number
    return counted


def _lines() -> Select[*tuple[Any, ...]]:
    # Without the detection's body: it holds every label.
    told = (
        Detection.verdict,
        Detection.p_value,
        Detection.smallest_label,
        Detection.smallest_norm,
        Detection.label_states,
    )
    return select(Submission, *told).outerjoin(Detection, Detection.submission_id == Submission.id)


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    equal = {
        Submission.owner: filters.owner,
        Submission.state: filters.state,
        Detection.verdict: filters.verdict,
        Submission.model_sha256: filters.model_sha256,
        Submission.data_sha256: filters.data_sha256,
    }
    found: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if filters.flagged_label is not None:
        flagged = (FlaggedLabel.submission_id == Submission.id, FlaggedLabel.label == filters.flagged_label)
        found.append(exists().where(and_(*flagged)))
    if filters.text:
        found.append(_named(filters.text))
    if filters.batch is not None:
        found.append(exists().where(Batch.submission_id == Submission.id, Batch.id == filters.batch))
    if filters.created_after is not None:
        found.append(Submission.created_at >= filters.created_after)
    if filters.created_before is not None:
        found.append(Submission.created_at < filters.created_before)
    return found


def _named(text: str) -> ColumnElement[bool]:
    return or_(
        Submission.model_name.icontains(text, autoescape=True),
        Submission.data_name.icontains(text, autoescape=True),
        Submission.id.istartswith(text, autoescape=True),
    )


def _listed(session: Session, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Listed]:
    counted = label_states(session, submission_ids=[row[0].id for row in rows if row.label_states is None])
    flagged = _flagged(session, [row[0].id for row in rows])
    return [
        Listed(
            submission=row[0],
            verdict=row.verdict,
            p_value=row.p_value,
            smallest_label=row.smallest_label,
            smallest_norm=row.smallest_norm,
            flagged_labels=tuple(flagged.get(row[0].id, ())),
            label_states=dict(counted.get(row[0].id, {}) if row.label_states is None else row.label_states),
        )
        for row in rows
    ]


def _flagged(session: Session, submission_ids: Sequence[str]) -> dict[str, list[int]]:
    query = select(FlaggedLabel).where(FlaggedLabel.submission_id.in_(submission_ids)).order_by(FlaggedLabel.label)
    found: dict[str, list[int]] = {}
    following = followers(session, submission_ids=submission_ids)
    for row in session.scalars(query):
        if row.label not in following.get(row.submission_id, ()):
            found.setdefault(row.submission_id, []).append(row.label)
    return found
