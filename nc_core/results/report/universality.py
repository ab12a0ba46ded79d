"""Universality: of every label, how large a trigger of a few images is, and how many other images it works on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from markupsafe import Markup

from nc_core.results.names import called
from nc_core.results.numbers import count, listed, percent, significant
from nc_core.results.report.axis import EvenAxis, LogAxis
from nc_core.results.report.charts import Row
from nc_core.results.report.svg import drawing, element

LEAST = 3
"""Labels below which there is nothing to compare."""
MANY = 250
"""Labels from which on none but the flagged can be pointed at."""
DIGIT_WIDTH, TEXT_HEIGHT = 7.5, 14.0
SIDES = tuple((side, down) for down in (0, 1, -1, 2, -2, 3) for side in (1, -1))
"""Where a name is tried: to the right or left of its dot, so many lines below."""


class Point(NamedTuple):
    """One label. norm: of the triggers of a few images, the median, in pixels. rate: on other images, 0..1.

    name: what its class is called.
    """

    label: int
    norm: float
    rate: float
    flagged: bool
    name: str | None = None


def points_of(labels: Iterable[Row]) -> list[Point]:
    """The labels of which both are known."""
    found = ((row, row.get("evidence") or {}) for row in labels)
    return [
        Point(row["label"], evidence["few_norm"], evidence["transferability"], row["flagged"], row.get("name"))
        for row, evidence in found
        if evidence.get("few_norm") is not None and evidence.get("transferability") is not None
    ]


def universality_charts(points: Sequence[Point]) -> dict[str, Markup] | None:
    """The chart for wide and for narrow windows; None of fewer than three labels."""
    if len(points) < LEAST:
        return None
    narrow = universality_chart(points, width=320, height=340)
    return {"wide": universality_chart(points), "narrow": narrow}


def universality_chart(points: Sequence[Point], *, width: int = 940, height: int = 380) -> Markup:
    """Each label a dot: size to the right on a logarithmic axis, rate upwards; flagged ones are marked and named."""
    left, right, top, bottom = 46.0, width - 10.0, 34.0, height - 44.0
    across = LogAxis.around((point.norm for point in points), start=left, end=right)
    up = EvenAxis(low=0.0, high=1.0, start=bottom, end=top)
    flagged = sorted((point for point in points if point.flagged), key=lambda point: (-point.rate, point.label))
    parts = [
        *_axes(across, up),
        *_others([point for point in points if not point.flagged], across, up),
        *(_dot(point, across, up) for point in flagged),
        *_names(flagged, across, up),
    ]
    name = f"Universality of {count(len(points), 'label')}"
    return drawing(width, height, name, *parts, class_="chart", description=_description(points, flagged))


def _axes(across: LogAxis, up: EvenAxis) -> list[Markup]:
    drawn = []
    for tick in across.ticks():
        x = across.at(tick)
        drawn.append(element("line", class_="grid", x1=x, x2=x, y1=up.start, y2=up.end))
        drawn.append(element("text", f"{tick:,g}", class_="tick", x=x, y=up.start + 17, text_anchor="middle"))
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = up.at(tick)
        kind = "grid" if tick else "base"
        drawn.append(element("line", class_=kind, x1=across.start, x2=across.end, y1=y, y2=y))
        text = f"{100 * tick:.0f}%"
        drawn.append(element("text", text, class_="tick", x=across.start - 7, y=y + 4, text_anchor="end"))
    middle = (across.start + across.end) / 2
    text = "pixels that the triggers cover"
    drawn.append(element("text", text, class_="axis", x=middle, y=up.start + 37, text_anchor="middle"))
    drawn.append(element("text", "other pictures that they work on", class_="axis", x=4.0, y=14.0))
    return drawn


def _others(points: Sequence[Point], across: LogAxis, up: EvenAxis) -> list[Markup]:
    """Labels that are not flagged; of many all are one drawing."""
    if len(points) < MANY:
        return [_dot(point, across, up) for point in points]
    heads = "".join(f"M{across.at(point.norm):.1f} {up.at(point.rate):.1f}h0" for point in points)
    return [element("path", class_="cloud plain", d=heads)]


def _dot(point: Point, across: LogAxis, up: EvenAxis) -> Markup:
    x, y = across.at(point.norm), up.at(point.rate)
    dot = element("circle", class_="dot", cx=x, cy=y, r=5.5 if point.flagged else 3.5)
    return element("g", dot, element("title", _about(point)), class_=f"label {'flagged' if point.flagged else 'plain'}")


def _names(flagged: Sequence[Point], across: LogAxis, up: EvenAxis) -> list[Markup]:
    """A name beside each flagged dot, where it hides neither another name nor a flagged dot; none where all is full."""
    dots = [(across.at(point.norm), up.at(point.rate)) for point in flagged]
    taken = [_Box(left=x - 6, right=x + 6, middle=y) for x, y in dots]
    drawn: list[Markup] = []
    for point, (x, y) in zip(flagged, dots, strict=True):
        for text, (side, down) in product(_texts(point), SIDES):
            box = _Box.beside(x, y, side=side, down=down, wide=DIGIT_WIDTH * len(text))
            if across.start <= box.left and box.right <= across.end + 8 and not any(map(box.overlaps, taken)):
                taken.append(box)
                drawn += _name(text, (x, y), box, side)
                break
    return drawn


def _texts(point: Point) -> list[str]:
    """ "label 6 (stop)", and "label 6" for where that is too long."""
    return [f"label {text}" for text in dict.fromkeys((called(point.label, point.name), str(point.label)))]


def _name(text: str, dot: tuple[float, float], box: "_Box", side: int) -> list[Markup]:
    """The text, and a line from its dot where it does not stand beside it."""
    near, anchor = (box.left, "start") if side > 0 else (box.right, "end")
    name = element("text", text, class_="point-name", x=near, y=box.middle + 4, text_anchor=anchor)
    if box.middle == dot[1]:
        return [name]
    return [element("line", class_="leader", x1=dot[0], y1=dot[1], x2=near - 2 * side, y2=box.middle), name]


@dataclass(frozen=True, kw_only=True)
class _Box:
    """Where something stands; middle: height of its middle."""

    left: float
    right: float
    middle: float

    @classmethod
    def beside(cls, x: float, y: float, *, side: int, down: int, wide: float) -> "_Box":
        """A line of text beside a dot, so many lines below it."""
        near = x + side * (10 if down == 0 else 16)
        left = near if side > 0 else near - wide
        return cls(left=left, right=left + wide, middle=y + TEXT_HEIGHT * down)

    def overlaps(self, other: "_Box") -> bool:
        """Whether both would be hard to read."""
        apart = self.right <= other.left or other.right <= self.left
        return not apart and abs(self.middle - other.middle) < TEXT_HEIGHT - 1


def _description(points: Sequence[Point], flagged: Sequence[Point]) -> str:
    rates = [point.rate for point in points if not point.flagged]
    each = " ".join(f"{_about(point)}." for point in flagged[:8])
    others = (
        f"Of the labels that are not flagged they work on {percent(min(rates))} to {percent(max(rates))}."
        if rates
        else ""
    )
    named = (
        f"Flagged: {listed([called(point.label, point.name) for point in flagged])}." if flagged else "None is flagged."
    )
    return " ".join(filter(None, (named, each, others)))


def _about(point: Point) -> str:
    return (
        f"Label {called(point.label, point.name)}: triggers of four images cover {significant(point.norm)} pixels and "
        f"work on {percent(point.rate)} of others"
    )
