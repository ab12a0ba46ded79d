"""The evidence of a submission's page: a table, and charts that are drawn once for all who look at the same figures."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from api.results.triggers import read_evidence
from nc_core.detection.arrays import moves_of
from nc_core.results.evidence import EvidenceRow, evidence_rows
from nc_core.results.report.moves import moves_view
from nc_core.results.report.strips import strip_charts
from nc_core.results.report.universality import Point, universality_charts
from nc_tasks.files import ArtefactStore
from nc_tasks.store import Submission
from nc_tasks.store.queries import findings
from nc_tasks.views.labels import class_names_of

KEPT = 16
"""Charts of each kind that are kept."""


def shown(
    session: Session, artefacts: ArtefactStore, submission: Submission, result: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What the page's template wants; nothing before a verdict. result: with the labels' flags."""
    if result is None:
        return {"evidence": [], "strips": None, "universality": None, "moves": None}
    rows, drawn = evidence_rows(result), findings.drawn(session, submission_id=submission.id)
    return {
        "evidence": rows,
        "strips": _strips(tuple(rows)),
        "universality": _universality(tuple(_points(session, submission, result))),
        # Without a clean picture to stamp: all of them would be read for one.
        "moves": moves_view(result, moves_of(read_evidence(artefacts, drawn)), None),
    }


def _points(session: Session, submission: Submission, result: Mapping[str, Any]) -> list[Point]:
    flagged, names = set(result["flagged_labels"]), class_names_of(submission)
    return [
        Point(
            row.label,
            row.few_norm,
            row.transferability,
            row.label in flagged,
            names[row.label] if names else None,
        )
        for row in findings.universality(session, submission_id=submission.id)
        if row.few_norm is not None and row.transferability is not None
    ]


@lru_cache(maxsize=KEPT)
def _strips(rows: tuple[EvidenceRow, ...]) -> Mapping[str, Markup] | None:
    return strip_charts(rows)


@lru_cache(maxsize=KEPT)
def _universality(points: tuple[Point, ...]) -> Mapping[str, Markup] | None:
    return universality_charts(points)
