"""From the label rows of a submission to a verdict on it; nothing is written.

The labels are read as detection wants them, with the clean scans that they are held against.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from nc_core.detection import (
    UNCALIBRATED,
    Calibration,
    Detection,
    LabelNorm,
    ScannedRange,
    combine,
    detect,
    share_of,
    statistics_of,
)
from nc_core.detection.calibration import Source, Statistics
from nc_core.scanning.budget import with_budget
from nc_core.scanning.rounds import Plan
from nc_tasks.request.options import ScanOptions
from nc_tasks.store import Submission
from nc_tasks.store.queries import findings
from nc_tasks.store.rows import calibrations, detections
from nc_tasks.views.planning import plan_of, ranges_of

MUST_AGREE = ("profile", "detector")
"""Options without which two scans' norms are no measure of each other."""


def norms(session: Session, submission: Submission, rounds: Plan, range: int) -> list[LabelNorm]:
    """The labels of one value range."""
    rows = findings.latest(session, submission_id=submission.id, range=range)
    screened = findings.screened(session, submission_id=submission.id, rounds=rounds, range=range)
    return [findings.norm_of(row, rounds, screened.get(row.label)) for row in rows]


def detect_range(
    submission: Submission,
    rounds: Plan,
    labels: Sequence[LabelNorm],
    *,
    alpha: float | None = None,
    calibration: Calibration = UNCALIBRATED,
) -> Detection:
    """The detection of one range. alpha: per model, None: the submission's own."""
    found = detect(
        labels,
        classes=int(submission.classes or 0),
        pixels=_pixels(submission),
        alpha=share_of(_alpha(submission, alpha), rounds.ranges),
        calibration=calibration,
        detector=ScanOptions(**submission.options).detector,
    )
    return with_budget(found, labels, submission.options["budget_minutes"])


def judge(
    session: Session, submission: Submission, *, alpha: float | None = None, calibration: Calibration = UNCALIBRATED
) -> Detection:
    """The verdict over all ranges of a submission whose labels have ended. alpha, calibration: as in `detect_range`."""
    rounds, found = plan_of(submission), submission.preflight or {}
    scanned = [
        ScannedRange(
            value_range=one.get("value_range", ""),
            scale=tuple(one.get("scale", ())),
            offset=tuple(one.get("offset", ())),
            score=one.get("score", 0.0),
            clean_accuracy=one.get("clean_accuracy"),
            first_round=rounds.first_round(number),
            detection=detect_range(
                submission,
                rounds,
                norms(session, submission, rounds, number),
                alpha=alpha,
                calibration=calibration,
            ),
        )
        for number, one in enumerate(ranges_of(submission))
    ]
    return combine(
        scanned,
        alpha=_alpha(submission, alpha),
        labelled=bool(found.get("labelled")),
        doubts=found.get("doubts", ()),
    )


def calibration_of(session: Session, submission: Submission) -> Calibration:
    """The clean scans that a submission is held against, as far as they have ended; of no source where it asks for
    none."""
    options = ScanOptions(**submission.options)
    if not options.calibrated:
        return UNCALIBRATED
    asked = calibrations.scans(session, submission_id=submission.id)
    return against(session, submission, asked, source="twins" if options.twins else "baseline")


def against(session: Session, submission: Submission, scans: Sequence[Submission], *, source: Source) -> Calibration:
    """Those of the scans that can be compared with the submission: by the labels of their first value range."""
    fit = [scan for scan in of_shape(submission, scans) if _has_ended(session, scan)]
    return Calibration(source=source, scans=tuple(statistics(session, scan) for scan in fit))


def statistics(session: Session, scan: Submission) -> Statistics:
    """The numbers that a scan counts with as a clean one: of the labels of its first value range."""
    return statistics_of(norms(session, scan, plan_of(scan), 0), pixels=_pixels(scan))


def of_shape(submission: Submission, scans: Iterable[Submission]) -> list[Submission]:
    """The scans that can be compared with the submission, each net once however often it was scanned."""
    return list({scan.canonical_sha256: scan for scan in scans if comparable(submission, scan)}.values())


def comparable(submission: Submission, scan: Submission) -> bool:
    """Whether a clean scan says something about the submission.

    It is of another net of the same shape, looked for in the same way, and all its labels were looked at.
    """
    return (
        scan.canonical_sha256 != submission.canonical_sha256
        and scan.classes == submission.classes
        and scan.input_shape == submission.input_shape
        and scan.options.get("labels") is None
        and all(scan.options[name] == submission.options[name] for name in MUST_AGREE)
    )


def _has_ended(session: Session, scan: Submission) -> bool:
    return detections.get(session, submission_id=scan.id) is not None


def _pixels(submission: Submission) -> int:
    height, width, _ = submission.input_shape or (0, 0, 0)
    return height * width


def _alpha(submission: Submission, alpha: float | None) -> float:
    return ScanOptions(**submission.options).alpha if alpha is None else alpha
