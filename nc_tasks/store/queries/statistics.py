"""Figures over many submissions: verdicts a day, and how many there are of what."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from nc_tasks.store.tables import Detection, Submission
from nc_tasks.store.tables.states import WITHOUT_RESULT


@dataclass(frozen=True, kw_only=True)
class Day:
    """One day, in UTC. ends: verdicts found on it, and how many submissions ended without one, by state."""

    day: date
    ends: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Totals:
    """All submissions. labels: of those that have a verdict."""

    submissions: int
    states: dict[str, int]
    verdicts: dict[str, int]
    labels: int


def by_day(
    session: Session, *, owner: str | None = None, since: datetime | None = None, until: datetime | None = None
) -> list[Day]:
    """The days on which something ended, oldest first.

    owner: None for all. since (included), until (excluded): aware times, of the verdict or of the end without one.
    """
    verdicts = _daily(Detection.verdict, Detection.created_at, since, until).join(Submission)
    without = _daily(Submission.state, Submission.finished_at, since, until).where(
        Submission.state.in_(WITHOUT_RESULT),
        Submission.finished_at.is_not(None),
        # One that is cancelled while it is repaired has its verdict.
        ~exists().where(Detection.submission_id == Submission.id),
    )
    counted: dict[str, Counter[str]] = {}
    for query in (verdicts, without):
        for day, end, number in session.execute(query.where(*_of(owner))):
            counted.setdefault(str(day), Counter())[end] += number
    return [Day(day=date.fromisoformat(day), ends=dict(counted[day])) for day in sorted(counted)]


def totals(session: Session, *, owner: str | None = None) -> Totals:
    """How many submissions there are, by state and by verdict."""
    states = select(Submission.state, func.count()).where(*_of(owner)).group_by(Submission.state)
    verdicts = select(Detection.verdict, func.count(), func.sum(Submission.labels_total)).join(Submission)
    judged = session.execute(verdicts.where(*_of(owner)).group_by(Detection.verdict)).all()
    counted: dict[str, int] = dict(session.execute(states).all())
    return Totals(
        submissions=sum(counted.values()),
        states=counted,
        verdicts={verdict: number for verdict, number, _ in judged},
        labels=sum(labels or 0 for _, _, labels in judged),
    )


def _daily(
    end: InstrumentedAttribute[str], moment: InstrumentedAttribute[Any], since: datetime | None, until: datetime | None
) -> Select[Any]:
    day = func.date(moment)
    query = select(day, end, func.count()).group_by(day, end)
    if since is not None:
        query = query.where(moment >= since)
    return query if until is None else query.where(moment < until)


def _of(owner: str | None) -> list[ColumnElement[bool]]:
    return [] if owner is None else [Submission.owner == owner]
