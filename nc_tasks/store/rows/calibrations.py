"""Calibrations: which clean scans a submission's verdict is held against, and which of them are still to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session, aliased

from nc_tasks.request.options import ScanOptions
from nc_tasks.store.rows import baselines
from nc_tasks.store.rows.statements import insert_absent
from nc_tasks.store.tables import Baseline, CalibrationScan, Submission
from nc_tasks.store.tables.states import BEFORE_VERDICT, CalibrationSource


@dataclass(frozen=True, kw_only=True)
class Awaited:
    """How many clean scans a submission is held against, and how many of them have not ended yet."""

    scans: int
    open: int


def link(session: Session, *, submission_id: str, scan_ids: Sequence[str], source: CalibrationSource) -> None:
    """Hold the submission against these scans, and against no others of that source."""
    session.execute(
        delete(CalibrationScan).where(CalibrationScan.submission_id == submission_id, CalibrationScan.source == source)
    )
    rows = [
        {"submission_id": submission_id, "scan_id": scan_id, "source": source}
        for scan_id in scan_ids
        if scan_id != submission_id
    ]
    insert_absent(session, CalibrationScan, rows)


def link_baseline(session: Session, submission: Submission) -> None:
    """Hold the submission against the baseline that its options name, as it is now; without one nothing changes."""
    name = ScanOptions(**submission.options).baseline
    if name is None:
        return
    query = select(Baseline.submission_id).where(Baseline.owner == submission.owner, Baseline.name == name)
    found = list(session.scalars(query))
    if found:
        link(session, submission_id=submission.id, scan_ids=found, source="baseline")


def check(session: Session, *, options: ScanOptions, owner: str) -> None:
    """Raise OptionRefused or NotFound, with one line, where a submission cannot be calibrated as it asks."""
    options.check_calibration()
    if options.baseline is not None:
        baselines.check(session, owner=owner, name=options.baseline)


def scans(session: Session, *, submission_id: str) -> list[Submission]:
    """The scans that the submission is held against, ended or not, in the order of their ids."""
    query = select(Submission).join(CalibrationScan, CalibrationScan.scan_id == Submission.id)
    query = query.where(CalibrationScan.submission_id == submission_id)
    return list(session.scalars(query.order_by(Submission.id)))


def awaited(session: Session, *, submission_id: str) -> Awaited:
    """How many scans the verdict is held against, and for how many it waits.

    A scan that is itself held against others is not waited for: so no two wait for one another.
    """
    query = select(Submission.state, Submission.options)
    query = query.join(CalibrationScan, CalibrationScan.scan_id == Submission.id)
    found = session.execute(query.where(CalibrationScan.submission_id == submission_id)).all()
    still = sum(state in BEFORE_VERDICT and not _is_calibrated(options) for state, options in found)
    return Awaited(scans=len(found), open=still)


def _is_calibrated(options: Mapping[str, Any]) -> bool:
    """Of options as they are stored; those of earlier versions name neither."""
    return options.get("baseline") is not None or bool(options.get("twins"))


def abandoned(session: Session, *, submission_id: str) -> list[str]:
    """Ids of the submission's twins that have not ended and that no other submission at work is held against."""
    twins = select(Submission).join(CalibrationScan, CalibrationScan.scan_id == Submission.id)
    twins = twins.where(CalibrationScan.submission_id == submission_id, CalibrationScan.source == "twins")
    link, other = aliased(CalibrationScan), aliased(Submission)
    needed = exists().where(
        link.scan_id == Submission.id,
        link.submission_id == other.id,
        other.id != submission_id,
        other.state.in_(BEFORE_VERDICT),
    )
    rows = session.scalars(twins.where(Submission.state.in_(BEFORE_VERDICT), ~needed).order_by(Submission.id))
    return [row.id for row in rows]


def waiting(session: Session, *, scan_id: str) -> list[Submission]:
    """Submissions at work that are held against this scan, and wait for no other."""
    query = select(Submission).join(CalibrationScan, CalibrationScan.submission_id == Submission.id)
    query = query.where(CalibrationScan.scan_id == scan_id, Submission.state == "inverting")
    rows = session.scalars(query.order_by(Submission.created_at, Submission.id)).all()
    return [row for row in rows if not awaited(session, submission_id=row.id).open]
