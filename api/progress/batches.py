"""How far the submissions of a batch are on the way to their verdicts, and how long the others may take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from nc_tasks.store import Submission
from nc_tasks.store.queries.listing import Listed
from nc_tasks.store.rows import labels
from nc_tasks.store.rows.labels import LabelCounts
from nc_tasks.store.tables.states import SUBMISSION_ENDS, WITHOUT_RESULT
from nc_tasks.store.tables.types import now
from nc_tasks.views.planning import plan_of

LEAST_SECONDS = 2.0
"""Seen for less, a pace says nothing."""


@dataclass(frozen=True, kw_only=True)
class BatchProgress:
    """share: of the way to all verdicts, 0..1. shares: of each submission, by id. seconds: left of each that is being
    inverted, by id, at its own pace; seconds_left: until the last verdict, at the pace so far, None while unknown.
    """

    share: float
    shares: Mapping[str, float]
    seconds: Mapping[str, float]
    seconds_left: float | None


def progress_of(session: Session, listed: Sequence[Listed], *, since: datetime) -> BatchProgress:
    """Of the submissions of a batch, each at least one. since: when the batch was made; what had its verdict by then
    took no time of it.
    """
    counted = labels.counts_of_rounds(session, submission_ids=_inverting(listed))
    shares = {one.submission.id: _share(one, counted.get(one.submission.id)) for one in listed}
    moment = now(session)
    return BatchProgress(
        share=sum(shares.values()) / len(shares),
        shares=shares,
        seconds={one.submission.id: left for one in listed if (left := _alone(one, shares, moment)) is not None},
        seconds_left=_left([one for one in listed if not _before(one, since)], shares, moment),
    )


def _inverting(listed: Sequence[Listed]) -> list[str]:
    return [one.submission.id for one in listed if one.submission.state == "inverting"]


def _share(one: Listed, counted: LabelCounts | None) -> float:
    if one.verdict is not None or one.submission.state in SUBMISSION_ENDS:
        return 1.0
    if counted is None or not counted.updates_budget:
        return 0.0
    return plan_of(one.submission).share(one.submission.round, counted.updates / counted.updates_budget)


def _before(one: Listed, since: datetime) -> bool:
    """Whether it takes no time of the batch: judged before, or ended without a verdict."""
    if one.submission.state in WITHOUT_RESULT:
        return True
    return one.verdict is not None and _begun(one.submission, since) < since


def _begun(submission: Submission, otherwise: datetime) -> datetime:
    return submission.started_at or otherwise


def _alone(one: Listed, shares: Mapping[str, float], moment: datetime) -> float | None:
    begun = one.submission.inverting_at
    if one.submission.state != "inverting" or begun is None:
        return None
    return _at_pace(shares[one.submission.id], 1, (moment - begun).total_seconds())


def _left(listed: Sequence[Listed], shares: Mapping[str, float], moment: datetime) -> float | None:
    begun = [one.submission.started_at for one in listed if one.submission.started_at is not None]
    if not begun:
        return None
    done = sum(shares[one.submission.id] for one in listed)
    return _at_pace(done, len(listed), (moment - min(begun)).total_seconds())


def _at_pace(done: float, of: int, took: float) -> float | None:
    """Seconds for the rest; None where nothing is left, or the pace is not known."""
    if done >= of or done <= 0.0 or took < LEAST_SECONDS:
        return None
    return (of - done) * took / done
