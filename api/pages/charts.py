"""The charts that the report has not: verdicts a day, norms of two submissions against each other."""

import math
from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from nc_core.results.names import called
from nc_core.results.numbers import count, significant
from nc_core.results.report.axis import LogAxis
from nc_core.results.report.svg import drawing, element
from nc_tasks.store.queries.statistics import Day
from nc_tasks.views.comparison import DRIFT_FACTOR, LabelPair

ENDS = ("backdoored", "inconclusive", "clean", "refused", "failed", "cancelled")
"""From the bottom of a column to its top."""
TICKS = (1, 2, 5)


def history_chart(days: Sequence[Day], *, width: int = 940, height: int = 240) -> Markup:
    """A column for each day, also for those on which nothing ended."""
    first, last = days[0].day.toordinal(), days[-1].day.toordinal()
    most = max(sum(day.ends.values()) for day in days)
    left, right, top, bottom = 36.0, width - 8.0, 12.0, height - 28.0
    step = (right - left) / (last - first + 1)

    def y(number: float) -> float:
        return bottom - number / most * (bottom - top)

    parts = [*_numbers(most, left, right, bottom, top)]
    for day in days:
        x, below = left + (day.day.toordinal() - first) * step, 0
        pieces = [element("title", ends_in_words(day))]
        for end in ENDS:
            if number := day.ends.get(end, 0):
                pieces.append(_piece(end, x, y(below + number), min(step * 0.8, 40.0), y(below) - y(below + number)))
                below += number
        parts.append(element("g", *pieces))
    parts += _dates(first, last, left, step, bottom)
    name = f"Ends of {sum(sum(day.ends.values()) for day in days):,} submissions by day"
    return drawing(width, height, name, *parts, class_="chart")


def ends_in_words(day: Day) -> str:
    """ "2026-03-01: 2 backdoored, 1 clean"."""
    return f"{day.day}: " + ", ".join(f"{day.ends[end]} {end}" for end in ENDS if day.ends.get(end))


def comparison_chart(pairs: Sequence[LabelPair], typical: float, *, side: int = 460) -> Markup:
    """Each label's norm left (across) against right (up), both logarithmic; the band is what counts as no drift."""
    both = [(pair, pair.left.norm, pair.right.norm) for pair in pairs if pair.left and pair.right and pair.ratio]
    values = [norm for _, *norms in both for norm in norms if norm]
    across = LogAxis.around(values, start=52.0, end=side - 10.0)
    up = LogAxis.around(values, start=side - 44.0, end=10.0)
    parts = [*_axes(across, up), _band(across, up, typical)]
    for pair, left, right in sorted(both, key=lambda each: each[0].drifted):
        kind = "label flagged" if pair.drifted else "label plain"
        text = f"Label {called(pair.label, pair.name)}: norm {significant(left)} left, {significant(right)} right"
        dot = element(
            "circle", class_="dot", cx=across.at(left or 1), cy=up.at(right or 1), r=5.0 if pair.drifted else 3.0
        )
        parts.append(element("g", dot, element("title", text), class_=kind))
    drifted = [called(pair.label, pair.name) for pair in pairs if pair.drifted]
    name = f"Norms of {count(len(both), 'label')}, left against right; drifted: {', '.join(drifted) or 'none'}"
    return drawing(side, side, name, *parts, class_="chart square")


def _piece(end: str, x: float, y: float, width: float, height: float) -> Markup:
    return element("rect", class_=f"part {end}", x=x, y=y, width=width, height=height)


def _numbers(most: int, left: float, right: float, bottom: float, top: float) -> list[Markup]:
    every = next(tick * 10**power for power in range(9) for tick in TICKS if most / (tick * 10**power) <= 5)
    drawn = []
    for number in range(0, most + 1, every):
        y = bottom - number / most * (bottom - top)
        drawn.append(element("line", class_="grid" if number else "base", x1=left, x2=right, y1=y, y2=y))
        drawn.append(element("text", f"{number:,}", class_="tick", x=left - 8, y=y + 4, text_anchor="end"))
    return drawn


def _dates(first: int, last: int, left: float, step: float, bottom: float) -> list[Markup]:
    every = max(1, math.ceil(92 / step))
    return [
        element("text", date.fromordinal(day).isoformat(), class_="tick", x=left + (day - first) * step, y=bottom + 19)
        for day in range(first, last + 1, every)
        if left + (day - first) * step + 76 < left + (last - first + 1) * step + 8 or day == first
    ]


def _axes(across: LogAxis, up: LogAxis) -> list[Markup]:
    drawn = []
    for tick in across.ticks():
        x, y, text = across.at(tick), up.at(tick), f"{tick:,g}"
        drawn.append(element("line", class_="grid", x1=x, x2=x, y1=up.start, y2=up.end))
        drawn.append(element("line", class_="grid", x1=across.start, x2=across.end, y1=y, y2=y))
        drawn.append(element("text", text, class_="tick", x=x, y=up.start + 17, text_anchor="middle"))
        drawn.append(element("text", text, class_="tick", x=across.start - 8, y=y + 4, text_anchor="end"))
    middle, height = (across.start + across.end) / 2, (up.start + up.end) / 2
    turned = f"rotate(-90 12 {height:.1f})"
    named = {"class_": "axis", "text_anchor": "middle"}
    drawn.append(element("text", "norm left", x=middle, y=up.start + 36, **named))
    drawn.append(element("text", "norm right", x=12.0, y=height, transform=turned, **named))
    return drawn


def _band(across: LogAxis, up: LogAxis, typical: float) -> Markup:
    """Between the lines of typical / DRIFT_FACTOR and typical * DRIFT_FACTOR."""
    corners = [
        (end, end * typical * factor)
        for factor, ends in ((DRIFT_FACTOR, (across.low, across.high)), (1 / DRIFT_FACTOR, (across.high, across.low)))
        for end in ends
    ]
    points = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in corners)
    return element("polygon", class_="band", points=points)
