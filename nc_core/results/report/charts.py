"""The norm chart: every label's norm on a logarithmic axis, smallest first, flagged ones marked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from nc_core.results.names import row_named
from nc_core.results.numbers import count, percent, significant
from nc_core.results.report.axis import LogAxis
from nc_core.results.report.svg import drawing, element

Row = Mapping[str, Any]
"""One entry of result.json's "labels"."""

TEXT_ROOM = 15.0
"""Height of one line of text in the chart, in the drawing's units."""
DIGIT_WIDTH = 7.0
CLOSE = 1.0
"""Distance of two labels, in the drawing's units, below which neither can be pointed at."""


@dataclass(frozen=True, kw_only=True)
class Guide:
    """A horizontal line: `kind` is its CSS class (median, threshold, size), `name` what stands at it."""

    norm: float
    kind: str
    name: str


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """The plot's rectangle and scales; `step` is the distance between two labels."""

    left: float
    right: float
    top: float
    bottom: float
    step: float
    axis: LogAxis

    def x(self, rank: int) -> float:
        return self.left + (rank + 0.5) * self.step

    def place(self, rank: int, row: Row) -> tuple[float, float]:
        return self.x(rank), self.axis.at(row["norm"])


def norm_chart(labels: Sequence[Row], guides: Sequence[Guide], *, width: int = 960, height: int = 380) -> Markup:
    """The chart as one <svg>. Labels without a norm stand at the right end of a band of their own, on top.

    Labels that were screened out, often nine of ten, are counted there and not drawn.
    """
    known = sorted((row for row in labels if row["norm"] is not None), key=lambda row: (row["norm"], row["label"]))
    unknown = [row for row in labels if row["norm"] is None and row["state"] != "screened_out"]
    screened = len(labels) - len(known) - len(unknown)
    frame = _frame(known, unknown, guides, banner=bool(unknown or screened), width=width, height=height)
    parts = [
        *_grid(frame),
        *_labels(frame, known),
        *_guides(frame, guides),
        *_without_norm(frame, len(known), unknown),
        *_screened_out(frame, screened),
        *_names(frame, [*known, *unknown]),
    ]
    flagged = [row_named(row) for row in known if row["flagged"]]
    name = f"Norms of {count(len(known), 'label')}, smallest first; flagged: {', '.join(flagged) or 'none'}"
    return drawing(width, height, name, *parts, class_="chart")


def _frame(
    known: Sequence[Row], unknown: Sequence[Row], guides: Sequence[Guide], *, banner: bool, width: int, height: int
) -> _Frame:
    left, right, bottom = 46.0, width - 6.0, height - 40.0
    top = 10.0 + (2 * TEXT_ROOM if banner else 0.0)
    values = [*(row["norm"] for row in known), *(guide.norm for guide in guides)]
    axis = LogAxis.around(values, start=bottom, end=top)
    step = (right - left) / max(1, len(known) + len(unknown))
    return _Frame(left=left, right=right, top=top, bottom=bottom, step=step, axis=axis)


def _grid(frame: _Frame) -> list[Markup]:
    drawn = []
    for tick in frame.axis.ticks():
        y = frame.axis.at(tick)
        drawn.append(element("line", class_="grid", x1=frame.left, x2=frame.right, y1=y, y2=y))
        drawn.append(element("text", f"{tick:,g}", class_="tick", x=frame.left - 8, y=y + 4, text_anchor="end"))
    drawn.append(element("line", class_="base", x1=frame.left, x2=frame.right, y1=frame.bottom, y2=frame.bottom))
    return drawn


def _guides(frame: _Frame, guides: Sequence[Guide]) -> list[Markup]:
    """The lines, and over them their names at the right, where below a chart sorted by norm there is room.

    A name stands below its line, or above it where the next line is too near.
    """
    ordered = sorted(guides, key=lambda guide: -guide.norm)
    heights = [*(frame.axis.at(guide.norm) for guide in ordered), math.inf]
    lines, names = [], []
    for guide, y, following in zip(ordered, heights, heights[1:], strict=False):
        lines.append(element("line", class_=f"guide {guide.kind}", x1=frame.left, x2=frame.right, y1=y, y2=y))
        at = y - 6 if following - y < TEXT_ROOM + 4 else y + TEXT_ROOM - 1
        kind = f"guide-name {guide.kind}"
        names.append(element("text", guide.name, class_=kind, x=frame.right, y=at, text_anchor="end"))
    return [*lines, *names]


def _labels(frame: _Frame, rows: Sequence[Row]) -> list[Markup]:
    """A mark for each label; of those too close to be pointed at, all that are alike are one drawing.

    As elements of their own a thousand labels would be most of the page, and most of the time that it takes.
    """
    if frame.step > CLOSE:
        return [_label(frame, rank, row) for rank, row in enumerate(rows)]
    paths: dict[str, list[str]] = {"unsettled": [], "plain": [], "flagged": []}
    heights = frame.axis.all_at(row["norm"] for row in rows)
    for rank, (row, y) in enumerate(zip(rows, heights, strict=True)):
        paths[_kind(row)].append(f"M{frame.x(rank):.1f} {y:.1f}h0")
    drawn = [element("path", class_=f"cloud {kind}", d="".join(paths[kind])) for kind in ("unsettled", "plain")]
    return [*drawn, *(_label(frame, rank, row) for rank, row in enumerate(rows) if row["flagged"])]


def _label(frame: _Frame, rank: int, row: Row) -> Markup:
    """A stem and a dot; with many labels, where stems would merge into one grey, the dot alone."""
    x, y = frame.place(rank, row)
    kind = _kind(row)
    radius = 5.5 if row["flagged"] else max(1.6, min(4.0, frame.step * 0.32))
    stem = [element("line", class_="stem", x1=x, x2=x, y1=y, y2=frame.bottom)] if frame.step > 5 else []
    dot = element("circle", class_="dot", cx=x, cy=y, r=radius)
    return element("g", *stem, dot, element("title", _tooltip(row)), class_=f"label {kind}")


def _screened_out(frame: _Frame, number: int) -> list[Markup]:
    name = f"{count(number, 'label')} screened out"
    return [element("text", name, class_="tick", x=frame.left, y=20)] if number else []


def _without_norm(frame: _Frame, known: int, rows: Sequence[Row]) -> list[Markup]:
    y = 16.0
    marks = [
        element(
            "g",
            element(
                "circle",
                class_="dot",
                cx=frame.x(known + rank),
                cy=y,
                r=max(1.6, min(4.0, frame.step * 0.32)),
            ),
            element("title", _tooltip(row)),
            class_=f"label {_kind(row)}",
        )
        for rank, row in enumerate(rows)
    ]
    if not rows:
        return []
    x = frame.x(known) - 10
    name = f"no norm: {len(rows)}"
    return [*marks, element("text", name, class_="tick", x=x, y=y + 4, text_anchor="end")]


def _names(frame: _Frame, rows: Sequence[Row]) -> list[Markup]:
    """Label numbers under the axis: the flagged first, then every so-many-th as far as there is room."""
    room = DIGIT_WIDTH * max((len(str(row["label"])) for row in rows), default=1) + 7
    every = max(1, math.ceil(room / frame.step))
    flagged = [rank for rank, row in enumerate(rows) if row["flagged"]]
    drawn: list[Markup] = []
    taken: list[float] = []
    for rank in [*flagged, *range(0, len(rows), every)]:
        x = frame.x(rank)
        if any(abs(x - other) < room for other in taken):
            continue
        taken.append(x)
        kind = "tick flagged" if rows[rank]["flagged"] else "tick"
        text = str(rows[rank]["label"])
        drawn.append(element("text", text, class_=kind, x=x, y=frame.bottom + 17, text_anchor="middle"))
    middle = (frame.left + frame.right) / 2
    text = "label, smallest norm first"
    drawn.append(element("text", text, class_="axis", x=middle, y=frame.bottom + 35, text_anchor="middle"))
    return drawn


def _kind(row: Row) -> str:
    if row["flagged"]:
        return "flagged"
    return "plain" if row["state"] == "done" else "unsettled"


def _tooltip(row: Row) -> str:
    rate = percent(row["attack_success_rate"])
    text = f"Label {row_named(row)}: norm {significant(row['norm'])}, attack success rate {rate}"
    return text if row["state"] == "done" else f"{text}, {row['state'].replace('_', ' ')}"
