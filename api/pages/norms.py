"""The norm chart of a page: drawn once for all who look at the same norms."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from nc_core.results.report.charts import Guide, Row
from nc_core.results.report.guides import guides, size_guide
from nc_core.results.report.render import norm_charts
from nc_tasks.store import Submission
from nc_tasks.store.queries import grid
from nc_tasks.views.labels import LabelVerdicts, class_names_of

FIELDS = ("label", "name", "state", "norm", "attack_success_rate", "flagged")
KEPT = 16
"""Charts that are kept; one of a thousand labels has a third of a megabyte."""


def charts_of(
    submission: Submission, result: Mapping[str, Any] | None, rows: Sequence[Row]
) -> Mapping[str, Markup] | None:
    """The chart for wide and narrow windows; None while no label has a norm."""
    if result is not None:
        return _drawn(_plain(rows), tuple(guides(result)))
    known = [row for row in rows if row["norm"] is not None]
    if not known or submission.input_shape is None:
        return None
    return _drawn(_plain(known), (size_guide(submission.input_shape),))


def rows_of(session: Session, submission: Submission, verdicts: LabelVerdicts) -> list[dict[str, Any]]:
    """The labels as far as a page tells of them, as in result.json."""
    names = class_names_of(submission)
    return [
        {
            "label": cell.label,
            "name": names[cell.label] if names else None,
            "state": cell.state,
            "norm": cell.norm,
            "attack_success_rate": cell.attack_success_rate,
            **verdicts.of(cell.label),
            "outcome": verdicts.entries.get(cell.label, {}).get("outcome", cell.state in ("done", "screened_out")),
        }
        for cell in grid.cells(session, submission_id=submission.id)
    ]


def _plain(rows: Sequence[Row]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(row[name] for name in FIELDS) for row in rows)


@lru_cache(maxsize=KEPT)
def _drawn(rows: tuple[tuple[Any, ...], ...], lines: tuple[Guide, ...]) -> Mapping[str, Markup]:
    return norm_charts([dict(zip(FIELDS, row, strict=True)) for row in rows], lines)
