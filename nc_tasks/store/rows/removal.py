"""Takes submissions out of the store, and tells which files nothing refers to any more."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from nc_tasks.errors import WrongState
from nc_tasks.store.rows import submissions
from nc_tasks.store.tables import (
    Baseline,
    Batch,
    CalibrationScan,
    Dataset,
    Delivery,
    Detection,
    FlaggedLabel,
    Job,
    Label,
    Mitigation,
    Preparation,
    Submission,
)
from nc_tasks.store.tables.states import JOB_ENDS, SUBMISSION_ENDS
from nc_tasks.store.tables.types import now

DIGEST_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    *(Submission.model_sha256, Submission.data_sha256),
    *(Submission.canonical_sha256, Submission.scanned_sha256, Submission.clean_data_sha256),
    *(Label.trigger_sha256, Label.evidence_sha256, Mitigation.triggers_sha256),
    *(Mitigation.goodnet_sha256, Mitigation.canonical_sha256, Mitigation.guarded_sha256),
    Mitigation.guarded_canonical_sha256,
    Dataset.sha256,
)
JSON_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (Submission.poisoned, Job.arguments, Job.result)
"""Columns that name files somewhere inside."""
AT_ONCE = 500
"""Values in one statement."""


def remove(session: Session, *, submission_id: str) -> set[str]:
    """Delete a submission that has ended with everything of it; returns the digests of its files.

    Raises NoSuchSubmission, and WrongState where it is at work.
    """
    submission = submissions.get(session, submission_id=submission_id)
    if submission.state not in SUBMISSION_ENDS:
        raise WrongState(f"submission {submission_id} is {submission.state}: cancel it before it is deleted")
    named = set(_files_of(session, submission))
    links = or_(CalibrationScan.submission_id == submission_id, CalibrationScan.scan_id == submission_id)
    session.execute(delete(CalibrationScan).where(links))
    for table in (Baseline, Batch, Delivery, FlaggedLabel, Detection, Mitigation, Label, Preparation):
        session.execute(delete(table).where(table.submission_id == submission_id))
    session.execute(delete(Submission).where(Submission.id == submission_id))
    return named


def _files_of(session: Session, submission: Submission) -> Iterator[str]:
    for column in DIGEST_COLUMNS:
        if column.class_ is Dataset:
            continue
        of = Submission.id if column.class_ is Submission else column.class_.submission_id
        yield from session.scalars(select(column).where(of == submission.id, column.is_not(None)).distinct())
    yield from _named_in(submission.poisoned)


def referenced(session: Session, *, digests: Iterable[str]) -> set[str]:
    """Those of the digests that some row still names."""
    asked = sorted(digests)
    found: set[str] = set()
    for first in range(0, len(asked), AT_ONCE):
        some = asked[first : first + AT_ONCE]
        for column in DIGEST_COLUMNS:
            found.update(session.scalars(select(column).where(column.in_(some)).distinct()))
    wanted = set(asked)
    for column in JSON_COLUMNS:
        for value in session.scalars(select(column).where(column.is_not(None))):
            found.update(wanted.intersection(_named_in(value)))
    return found


def ended_before(session: Session, *, days: float) -> list[str]:
    """Ids of the submissions that ended so long ago, oldest first; but what a baseline names stays."""
    before = now(session) - timedelta(days=days)
    named = exists().where(Baseline.submission_id == Submission.id)
    query = select(Submission.id).where(Submission.state.in_(SUBMISSION_ENDS), Submission.finished_at < before, ~named)
    return list(session.scalars(query.order_by(Submission.finished_at)))


def forget_jobs(session: Session, *, days: float) -> None:
    """Delete the jobs that ended so long ago."""
    before = now(session) - timedelta(days=days)
    session.execute(delete(Job).where(Job.state.in_(JOB_ENDS), Job.finished_at < before))


def _named_in(value: Any) -> list[str]:
    return re.findall(r'"([0-9a-f]{64})"', json.dumps(value))
