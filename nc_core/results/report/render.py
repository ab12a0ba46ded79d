"""Fills the template: one page that needs nothing but itself."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from nc_core.datasets import Images
from nc_core.detection.arrays import EvidenceArrays, moves_of
from nc_core.results import scanned
from nc_core.results.evidence import evidence_rows
from nc_core.results.ranges import doubts_of, range_facts
from nc_core.results.report import view
from nc_core.results.report.charts import Guide, Row, norm_chart
from nc_core.results.report.environment import environment
from nc_core.results.report.facts import preflight_facts, run_facts
from nc_core.results.report.guides import guides
from nc_core.results.report.limits import limits_of
from nc_core.results.report.methods import Pictures, drawn, method_cards
from nc_core.results.report.moves import moves_view
from nc_core.results.report.repair import change_charts, changes
from nc_core.results.report.strips import strip_charts
from nc_core.results.report.universality import points_of, universality_charts
from nc_core.results.triggers import TriggerArrays


def render_report(
    result: Mapping[str, Any],
    triggers: TriggerArrays,
    examples: Images | None,
    fresh: Mapping[str, TriggerArrays],
    arrays: Mapping[int, EvidenceArrays] | None = None,
) -> str:
    """The report as HTML.

    result: result.json of a scan with a verdict. triggers: its reversed triggers, in the model's domain.
    examples: clean pictures to stamp, or None. fresh: method -> what was reversed on the model that it repaired, one
    trigger a label. arrays: label -> what of its evidence can be drawn.

    Names and reasons are text wherever they stand: the template escapes everything, and the page's policy
    allows no script and no address outside it.
    """
    style = _style()
    return (
        environment("nc_core.results.report")
        .get_template("report.html")
        .render(
            result=result,
            name=result["model"].get("name") or f"model {result['model']['sha256'][:12]}",
            title=view.TITLES[result["verdict"]],
            about=scanned.about(result),
            files=scanned.files_of(result),
            style=Markup(style),
            style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            cards=view.cards(result, triggers, examples, arrays),
            moves=moves_view(result, moves_of(arrays), examples),
            rows=view.by_norm(result["labels"])[: view.TABLE_LIMIT],
            charts=norm_charts(result["labels"], guides(result)),
            evidence=evidence_rows(result),
            strips=strip_charts(evidence_rows(result)),
            universality=universality_charts(points_of(result["labels"])),
            limits=limits_of(result),
            facts=run_facts(result),
            commands=result.get("commands"),  # an earlier version, and a scan in a script, has none
            doubts=doubts_of(result),
            ranges=range_facts(result),
            preflight_facts=preflight_facts(result["preflight"]),
            **repairs(result, drawn(result, fresh, examples)),
        )
    )


def norm_charts(rows: Sequence[Row], lines: Sequence[Guide]) -> dict[str, Markup]:
    """The chart for wide and for narrow windows: text keeps its size, so it cannot just shrink."""
    return {"wide": norm_chart(rows, lines), "narrow": norm_chart(rows, lines, width=380, height=340)}


def repairs(result: Mapping[str, Any] | None, pictures: Mapping[str, Pictures]) -> dict[str, Any]:
    """What `repairs.html` wants. result: None before a verdict. pictures: method -> label -> its fresh trigger."""
    if result is None:
        return {"repair": None, "methods": [], "failed": [], "norms": {}, "changes": [], "change_charts": None}
    kept = view.kept_repair(result)
    rows = [] if kept is None else changes(kept, result)
    return {
        "repair": kept,
        "methods": method_cards(result, pictures),
        "failed": view.failed_repairs(result),
        "norms": {str(row["label"]): row["norm"] for row in result["labels"]},
        "changes": rows,
        "change_charts": change_charts(rows) if rows else None,
    }


def _style() -> str:
    return files("nc_core.results.report").joinpath("templates/report.css").read_text("utf-8")
