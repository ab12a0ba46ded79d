"""Where the trigger without a target sends images: a matrix of answers without and with it, and the same as a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from nc_core.datasets import Images
from nc_core.detection.arrays import Moves
from nc_core.results.names import named
from nc_core.results.numbers import MISSING, count, percent, significant
from nc_core.results.report.pictures import TriggerPictures, pictures_of
from nc_core.results.report.svg import drawing, element

NAMED = 24
"""Classes up to which every row and column has its name."""
LETTERS = 20
EVERY = 10
"""Of more classes each tenth has its number."""
TOLD = 12
"""Classes in what is read out of the matrix; the table has all."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A class: what it is called, how many images have it as their answer without the trigger, and what share of them
    with it as well; where most of the others go, and what share of all that is."""

    name: str
    images: str
    stay: str
    to: str
    share: str


@dataclass(frozen=True, kw_only=True)
class MovesView:
    """intro: what was looked for, and what it does. charts: the matrix. sources: the same as a table."""

    intro: str
    charts: Mapping[str, Markup]
    sources: list[Source]
    pictures: TriggerPictures


def moves_view(result: Mapping[str, Any], moves: Moves | None, examples: Images | None) -> MovesView | None:
    """What the template wants; None where the net was not asked."""
    if moves is None:
        return None
    names = [named(result, label) for label in range(len(moves.counts))]
    charts = {
        "wide": matrix(moves.counts, names, width=620),
        "narrow": matrix(moves.counts, [str(label) for label in range(len(names))], width=330),
    }
    return MovesView(
        intro=_intro(moves, bool(result.get("class_map"))),
        charts=charts,
        sources=_sources(moves.counts, names),
        pictures=pictures_of(
            moves.mask,
            moves.pattern,
            None if examples is None or not len(examples) else examples.pixels[0].astype(np.float32),
            result["preflight"],
        ),
    )


def matrix(counts: npt.NDArray[np.int32], names: Sequence[str], *, width: int) -> Markup:
    """counts (N, N): rows are answers without the trigger, columns those with it; the stronger, the more of a row's
    images."""
    classes = len(counts)
    few = classes <= NAMED
    left = max(50.0, 12.0 + 6.8 * min(LETTERS, max(map(len, names)))) if few else 50.0
    top, cell = 46.0, (width - left - 8.0) / classes
    side = cell * classes
    parts = [
        element("rect", class_="ground", x=left, y=top, width=side, height=side),
        *_cells(counts, names, left, top, cell),
        *_names(names, left, top, cell, few=few),
        element("text", "answer with the trigger", class_="axis", x=left + side / 2, y=13.0, text_anchor="middle"),
        element("text", "without", class_="axis", x=0.0, y=30.0),
    ]
    told = "; ".join(f"{one.name} to {one.to}, {one.share}" for one in _sources(counts, names)[:TOLD])
    more = f"; and {classes - TOLD} more, in the table" if classes > TOLD else ""
    return drawing(
        *(width, round(top + side + 8)),
        f"Where the trigger sends images of {count(classes, 'class', 'classes')}",
        *parts,
        class_="chart matrix",
        description=f"{told}{more}.",
    )


def _cells(
    counts: npt.NDArray[np.int32], names: Sequence[str], left: float, top: float, cell: float
) -> Iterator[Markup]:
    totals = counts.sum(axis=1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = float(counts[row, column] / totals[row])
        text = f"{names[row]} to {names[column]}: {percent(share)} of {count(int(totals[row]), 'image')}"
        kind = "stays" if row == column else "moves"
        x, y = left + cell * int(column), top + cell * int(row)
        shape: dict[str, float] = {"x": x, "y": y, "width": cell, "height": cell, "fill_opacity": max(0.06, share)}
        yield element("rect", element("title", text), class_=kind, **shape)


def _names(names: Sequence[str], left: float, top: float, cell: float, *, few: bool) -> Iterator[Markup]:
    for label in range(0, len(names), 1 if few else EVERY):
        middle = cell * (label + 0.5)
        name = names[label] if len(names[label]) <= LETTERS else f"{names[label][: LETTERS - 1]}…"
        yield element("text", name, class_="tick", x=left - 6, y=top + middle + 4, text_anchor="end")
        yield element("text", str(label), class_="tick", x=left + middle, y=top - 6, text_anchor="middle")


def _sources(counts: npt.NDArray[np.int32], names: Sequence[str]) -> list[Source]:
    """Of classes that some images have as their answer."""
    return [_source(label, row, names) for label, row in enumerate(counts) if row.any()]


def _source(label: int, row: npt.NDArray[np.int32], names: Sequence[str]) -> Source:
    images, stay = int(row.sum()), int(row[label])
    others = row.copy()
    others[label] = 0
    moves = bool(others.any())
    return Source(
        name=names[label],
        images=f"{images:,}",
        stay=percent(stay / images),
        to=names[int(others.argmax())] if moves else MISSING,
        share=percent(int(others.max()) / images) if moves else MISSING,
    )


def _intro(moves: Moves, found: bool) -> str:
    moved = 1.0 - float(np.trace(moves.counts) / moves.counts.sum())
    what = (
        "The smallest mask that was found to take pictures away from their classes, whereto ever, has "
        f"{significant(float(moves.mask.sum()))} pixels. With it {percent(moved)} of held-out pictures get another "
        "answer. "
    )
    if found:
        return f"{what}Each class goes to one of its own, as an all-to-all backdoor sends them."
    return f"{what}Of a net without an all-to-all backdoor they go to a class or two, whatever they were."
