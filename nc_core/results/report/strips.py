"""Where a model lies among its clean scans: one strip for each evidence that has some."""

from collections.abc import Sequence

from markupsafe import Markup

from nc_core.results.evidence import EvidenceRow
from nc_core.results.numbers import count, significant
from nc_core.results.report.axis import EvenAxis
from nc_core.results.report.svg import drawing, element

STRIP_HEIGHT = 92.0
LINE = 56.0
"""Of a strip's line below its top."""
TICK = 7.0
"""Half the height of a clean scan's tick."""
DENSE = 100
"""Clean scans beyond which their ticks are paler, so that it shows where most are."""
TICK_ROOM = 74.0
"""Width of the drawing for each number under the line."""


def strip_charts(rows: Sequence[EvidenceRow]) -> dict[str, Markup] | None:
    """The chart for wide and for narrow windows; None where no evidence has clean scans."""
    shown = [row for row in rows if row.null]
    if not shown:
        return None
    return {"wide": strip_chart(shown), "narrow": strip_chart(shown, width=320)}


def strip_chart(rows: Sequence[EvidenceRow], *, width: int = 940) -> Markup:
    """Each clean scan is a tick, the model a point; rows: those with clean scans. To the right is more suspicious."""
    parts = [_strip(row, STRIP_HEIGHT * index, width) for index, row in enumerate(rows)]
    return drawing(
        width,
        STRIP_HEIGHT * len(rows),
        "This model among its clean scans",
        *parts,
        class_="chart",
        description=" ".join(map(_description, rows)),
    )


def _strip(row: EvidenceRow, top: float, width: int) -> Markup:
    left, right, y = 8.0, width - 8.0, top + LINE
    axis = EvenAxis.around([row.statistic, *row.null], start=left + 8, end=right - 8)
    scans = "".join(f"M{axis.at(value):.1f} {y - TICK:.1f}v{2 * TICK:.1f}" for value in row.null)
    x = axis.at(row.statistic)
    return element(
        "g",
        element("text", row.short, class_="row-name", x=left, y=top + 16),
        element("line", class_="base", x1=left, x2=right, y1=y, y2=y),
        *_numbers(axis, y, max(2, int(width / TICK_ROOM))),
        element("path", class_="scans dense" if len(row.null) > DENSE else "scans", d=scans),
        element("circle", class_="model", cx=x, cy=y, r=6.5),
        element("text", f"this model: {row.value}", class_="model-name", y=y - 15, **_beside(x, left, right)),
        element("title", _description(row)),
        class_="strip suspicious" if row.suspicious else "strip",
    )


def _numbers(axis: EvenAxis, y: float, most: int) -> list[Markup]:
    return [
        element("text", f"{tick:,g}".replace("-", "−"), class_="tick", x=axis.at(tick), y=y + 24, text_anchor="middle")
        for tick in axis.ticks(most)
    ]


def _beside(x: float, left: float, right: float) -> dict[str, float | str]:
    """Where a text about the point at x begins, so that it stays within."""
    if x > (left + right) / 2:
        return {"x": min(x + 8, right), "text_anchor": "end"}
    return {"x": max(x - 8, left), "text_anchor": "start"}


def _description(row: EvidenceRow) -> str:
    below = sum(value < row.statistic for value in row.null)
    return (
        f"{row.short}: {row.value}, more than {below:,} of {count(len(row.null), 'clean scan')}, which lie between "
        f"{significant(min(row.null))} and {significant(max(row.null))}."
    )
