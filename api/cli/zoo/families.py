"""What a zoo has measured of each attack family, as the tables of a page of the documents."""

from collections.abc import Iterator, Sequence

from nc_core.detection import result
from nc_core.detection.library import FEW_LABELS
from nc_core.results.numbers import MISSING, count
from nc_core.results.report.limits import CLEAN, LOOKED_FOR, NOT_COVERED, LimitRow, limits
from nc_core.zoo.measured import Measured
from nc_core.zoo.score import FEW, MANY

FAMILIES = ("attack family", "looked for", "nets", "found", "95% interval", "exactly named", "attacks of the zoo")
CLEAN_NETS = ("clean nets", "nets", "called backdoored", "95% interval")


def page(figures: Measured) -> str:
    """Markdown: a table of families for nets of many classes, one for those of few, and one of all clean nets."""
    return "\n".join(_lines(figures))


def _lines(figures: Measured) -> Iterator[str]:
    nets = count(figures.nets, "held-out net")
    yield f"Measured on {figures.date} with {figures.machine} on {nets}, by which nothing was chosen:"
    yield f"`{figures.command}`."
    clean = list[LimitRow]()
    for title, classes in ((MANY, FEW_LABELS), (FEW, FEW_LABELS - 1)):
        told = limits(result.NOT_COVERED, figures, classes=classes)
        rows = {group.title: group.rows for group in told.groups}
        clean = [*rows.get(CLEAN, ()), *clean]
        yield from ("", f"### Nets of {title}", "")
        yield from _table(FAMILIES, [*_families(rows[NOT_COVERED], "not wholly"), *_families(rows[LOOKED_FOR], "yes")])
    yield from ("", "### Clean nets", "")
    yield from _table(CLEAN_NETS, [(row.family, row.nets, row.found, row.interval) for row in clean])


def _families(rows: Sequence[LimitRow], looked_for: str) -> list[tuple[str, ...]]:
    return [(row.family, looked_for, row.nets, row.found, row.interval, row.exact, row.attacks) for row in rows]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    for row in rows:
        yield f"| {' | '.join(cell or MISSING for cell in row)} |".replace("->", "→")
