"""Verdicts made anew from SQL, against other clean scans or at another rate; nothing that was recorded is changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from nc_core.detection import Calibration
from nc_core.errors import OptionRefused
from nc_tasks.errors import WrongState
from nc_tasks.store import Detection, Submission
from nc_tasks.store.rows import baselines, submissions
from nc_tasks.views import judging

MOST = 1000
"""Submissions at once: of a fleet each is held against all others."""


@dataclass(frozen=True, kw_only=True)
class Rejudged:
    """A submission with the verdict that was recorded, and the new one: body, of `Detection.to_json()`."""

    submission: Submission
    recorded: str
    body: Mapping[str, Any]

    @property
    def calibration(self) -> Mapping[str, Any]:
        """Source and number of the clean scans that the new verdict rests on: of the evidence that rests on most."""
        used = [one["calibration"] for one in self.body["evidence"]]
        return max(used, key=lambda one: one["scans"], default={"source": "none", "scans": 0})


def wanted(
    session: Session,
    *,
    ids: Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
    owner: str | None = None,
) -> list[Submission]:
    """These submissions of the owner (None: anybody's), or with all these tags, or all; oldest first.

    Where ids are given each must have a verdict, else those without are left out. Raises NoSuchSubmission, WrongState
    for one without a verdict, OptionRefused for more than `MOST`.
    """
    if ids is not None:
        found = [submissions.get(session, submission_id=each, owner=owner) for each in dict.fromkeys(ids)]
        for one in found:
            if session.get(Detection, one.id) is None:
                raise WrongState(f"submission {one.id} is {one.state} and has no verdict: wait for it, or leave it out")
    else:
        query = select(Submission).join(Detection, Detection.submission_id == Submission.id)
        query = query.where(*(Submission.tags[name].as_string() == text for name, text in (tags or {}).items()))
        query = query if owner is None else query.where(Submission.owner == owner)
        found = list(session.scalars(query.order_by(Submission.created_at, Submission.id).limit(MOST + 1)))
    if len(found) > MOST:
        raise OptionRefused(f"more than {MOST} submissions are to be judged anew, the limit is {MOST}: name fewer")
    return found


def rejudge(
    session: Session,
    rows: Sequence[Submission],
    *,
    owner: str,
    baseline: str | None = None,
    fleet: bool = False,
    alpha: float | None = None,
) -> Iterator[Rejudged]:
    """The verdict of each submission as it would be now.

    baseline: the name of the owner's clean scans to be held against. fleet: each is held against the others that are
    not backdoored by their own labels alone: one among them would hide its like. Without both: against what each was
    held against. alpha: per model, None: its own. Raises OptionRefused for both, NotFound without such a baseline.
    """
    pool = _pool(session, rows, owner=owner, baseline=baseline, fleet=fleet)
    statistics = {scan.id: judging.statistics(session, scan) for scan in pool or ()}
    for row in rows:
        if pool is None:
            calibration = judging.calibration_of(session, row)
        else:
            fit = tuple(statistics[scan.id] for scan in judging.of_shape(row, pool))
            calibration = Calibration(source="baseline", scans=fit)
        found = judging.judge(session, row, alpha=alpha, calibration=calibration)
        recorded = session.get_one(Detection, row.id).verdict
        yield Rejudged(submission=row, recorded=recorded, body=found.to_json())


def _pool(
    session: Session, rows: Sequence[Submission], *, owner: str, baseline: str | None, fleet: bool
) -> list[Submission] | None:
    """The scans with a verdict that others are held against; None: those that each was held against before."""
    if fleet and baseline is not None:
        raise OptionRefused("a fleet is held against itself: pass one of --fleet and --baseline")
    if fleet:
        return [row for row in rows if judging.judge(session, row).verdict != "backdoored"]
    if baseline is None:
        return None
    baselines.check(session, owner=owner, name=baseline)
    ids = baselines.members(session, owner=owner, name=baseline)
    return list(
        session.scalars(select(Submission).join(Detection).where(Submission.id.in_(ids)).order_by(Submission.id))
    )
