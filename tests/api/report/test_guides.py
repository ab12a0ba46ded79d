"""The lines of the chart, held against the detection that they explain."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from api.report.guides import guides, log_scale
from nc_core.detection import LabelNorm, detect, robust_log_z

Make = Callable[..., dict[str, Any]]


def line(result: dict[str, Any], kind: str) -> float | None:
    return next((guide.norm for guide in guides(result) if guide.kind == kind), None)


def test_the_median_is_that_of_the_norms(make_result: Make) -> None:
    result = make_result()
    assert line(result, "median") == pytest.approx(np.median([row["norm"] for row in result["labels"]]))


@pytest.mark.parametrize("classes", [10, 43, 300])
def test_the_threshold_is_where_the_outlier_test_begins_to_flag(make_result: Make, classes: int) -> None:
    # Given a clean scan and the drawn threshold, when the smallest label shrinks to 1% below or above it,
    # then the detection itself flags it or does not (norms too large for the size rule).
    result = make_result(classes=classes)
    drawn = line(result, "threshold")
    assert drawn is not None
    rows = [
        LabelNorm(label=row["label"], state="done", norm=row["norm"], attack_success_rate=1.0)
        for row in result["labels"]
    ]
    smallest = min(rows, key=lambda row: row.norm or 0.0)

    def flagged(norm: float) -> bool:
        moved = [dataclasses.replace(row, norm=norm) if row is smallest else row for row in rows]
        return smallest.label in detect(moved, classes=classes, pixels=10_000_000).flagged_labels or False

    big = 10_000.0  # scale every norm: the size rule must stay silent
    rows = [dataclasses.replace(row, norm=(row.norm or 0.0) * big) for row in rows]
    smallest = min(rows, key=lambda row: row.norm or 0.0)
    rows = [dataclasses.replace(row, attack_success_rate=0.5) for row in rows]
    smallest = min(rows, key=lambda row: row.norm or 0.0)
    assert flagged(drawn * big * 0.97)
    assert not flagged(drawn * big * 1.03)


def test_the_scale_is_that_of_log_z(make_result: Make) -> None:
    result = make_result(infected={3: 8.0})
    scale = log_scale(result["labels"])
    assert scale is not None
    median, spread = scale
    clean = [row["norm"] for row in result["labels"] if not row["flagged"]]
    assert (median - np.log(20.0)) / spread == pytest.approx(robust_log_z(20.0, clean))


def test_the_size_rule_is_drawn_even_where_nothing_else_is_known(make_result: Make) -> None:
    result = make_result(classes=2)
    assert [guide.kind for guide in guides(result)] == ["size"]
    assert line(result, "size") == pytest.approx(0.015 * 32 * 32)
