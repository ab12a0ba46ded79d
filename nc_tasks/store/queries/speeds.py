"""How fast earlier scans went here: what an estimate rests on."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from nc_tasks.store.tables import Detection, Label, Submission

AT_LEAST = 10_000
"""Gradient images of a scan that says something about speed: in a smaller one starting and writing take most."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """One scan: images that went forward and backward through the net, seconds from its first label to its verdict.

    canonical_sha256: the net.
    """

    canonical_sha256: str
    gradient_images: int
    seconds: float


def recent(session: Session, *, limit: int = 5) -> list[Speed]:
    """The latest scans with a verdict, newest first."""
    images = func.sum(Label.gradient_images)
    query = (
        select(Submission.canonical_sha256, Submission.inverting_at, Detection.created_at, images)
        .join(Detection, Detection.submission_id == Submission.id)
        .join(Label, Label.submission_id == Submission.id)
        .where(Submission.inverting_at.is_not(None), Submission.canonical_sha256.is_not(None))
        .group_by(Submission.id, Submission.canonical_sha256, Submission.inverting_at, Detection.created_at)
        .having(images >= AT_LEAST)
        .order_by(Detection.created_at.desc())
        .limit(limit)
    )
    found = []
    for digest, began, ended, taken in session.execute(query):
        seconds = (ended - began).total_seconds() if began else 0.0
        if digest and taken and seconds > 0:
            found.append(Speed(canonical_sha256=digest, gradient_images=taken, seconds=seconds))
    return found
