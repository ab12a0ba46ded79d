"""`cleanse list` on a terminal: one line a submission, however narrow it is."""

import io
from typing import Any

import pytest
from rich.console import Console

from api.cli.listing import _table

ROWS: list[Any] = [
    {
        "id": f"{number:012x}",
        "state": "inverting",
        "verdict": None if number else "inconclusive",
        "model": {"name": "a very long name of a model that somebody sent 模型.keras"},
        "data": {"name": "clean-validation-pictures-of-traffic-signs.npz"},
        "created_at": "2026-03-01T12:00:00+00:00",
    }
    for number in range(3)
]


def shown(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, soft_wrap=True, highlight=False, markup=False)
    console.print(_table(ROWS, width))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 55, 60, 70, 80, 100, 120])
def test_each_submission_is_one_line_that_fits(width: int) -> None:
    lines = shown(width)
    assert len(lines) == 1 + len(ROWS)
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (100, ["id", "state", "verdict", "model", "data", "created"]),
        (80, ["id", "state", "verdict", "model", "created"]),
        (60, ["id", "state", "verdict", "model"]),
    ],
)
def test_columns_fall_away_before_ids_are_cut(width: int, columns: list[str]) -> None:
    header, *rows = shown(width)
    assert header.split() == columns
    assert [row.split()[0] for row in rows] == [row["id"] for row in ROWS]


def test_where_there_is_room_names_are_whole() -> None:
    assert all("模型.keras" in row and "traffic-signs.npz" in row for row in shown(1000)[1:])
