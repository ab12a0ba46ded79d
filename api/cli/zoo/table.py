"""The score of a zoo as it is printed, and as a page."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from nc_core.results.numbers import MISSING, hundredths, percent
from nc_core.results.report.environment import environment
from nc_core.zoo.score import THIRDS, Detector, Row
from nc_core.zoo.statistics import Rate

COLUMNS = ("planted", "clean", "AUROC", "found", "false alarms", "exact labels")


def with_interval(rate: Rate) -> str:
    """ "93.3% (77.9 to 99.2)"."""
    if rate.rate is None:
        return MISSING
    return f"{percent(rate.rate)} ({100 * rate.low:.1f} to {100 * rate.high:.1f})"


def figures(detector: Detector) -> tuple[str, str, str, str]:
    """Of one detector: AUROC, found, false alarms, exact labels."""
    rates = (detector.found, detector.false_alarms, detector.exact)
    first, second, third = map(with_interval, rates)
    return "1.00" if detector.auroc == 1 else hundredths(detector.auroc), first, second, third


def tables(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The rows of each third that has nets."""
    found = [(third, [row for row in rows if row.third == third]) for third in THIRDS]
    return [(third, of_third) for third, of_third in found if of_third]


def printed(third: str, rows: Sequence[Row]) -> list[str]:
    """The rows of one third for a terminal: of Cleanse, and below of plain Neural Cleanse."""
    cells = [("", *COLUMNS)]
    for row in rows:
        cells.append((f"{row.by}: {row.value}", str(row.planted), str(row.clean), *figures(row.cleanse)))
        cells.append(("  plain", "", "", *figures(row.plain)))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in cells]
    return [title_of(third), *lines]


def title_of(third: str) -> str:
    """What the nets of a third are for."""
    titles = {"all": "All nets", "choose": "Nets to choose by", "check": "Nets to check by"}
    return titles.get(third, "Held-out nets: nothing was chosen by them")


def notes(rows: Sequence[Row]) -> list[str]:
    """What is in no rate: from the row of all nets."""
    every = rows[0]
    return [
        f"{every.weak} planted nets whose backdoor works less than their cards ask for count in no rate.",
        f"{every.refused} nets were refused, {every.inconclusive} scans were inconclusive: neither found nor an alarm.",
    ]


def page(rows: Sequence[Row], origin: dict[str, Any]) -> str:
    """The page: needs nothing but itself."""
    style = files("nc_core.results.report").joinpath("templates/report.css").read_text("utf-8")
    return (
        environment("api.cli.zoo")
        .get_template("zoo.html")
        .render(
            tables=[(title_of(third), of_third) for third, of_third in tables(rows)],
            figures=figures,
            notes=notes(rows),
            origin=origin,
            style=Markup(style),
            style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        )
    )
