"""The lines of the chart, held against the detection that they explain."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nc_core.detection import LabelNorm, detect, robust_log_z
from nc_core.results.report.guides import guides, log_scale
from tests.evidence import CONVERGED

Make = Callable[..., dict[str, Any]]

DEAR = replace(CONVERGED, transferability=0.1, few_norm=20.0)


def line(result: dict[str, Any], kind: str) -> float | None:
    return next((guide.norm for guide in guides(result) if guide.kind == kind), None)


def test_the_median_is_that_of_the_norms(make_result: Make) -> None:
    result = make_result()
    assert line(result, "median") == pytest.approx(np.median([row["norm"] for row in result["labels"]]))


@pytest.mark.parametrize("classes", [10, 43, 300])
def test_the_threshold_is_where_the_outlier_test_begins_to_flag(make_result: Make, classes: int) -> None:
    # Given a clean scan, and its drawn threshold
    result = make_result(classes=classes)
    drawn = line(result, "threshold")
    assert drawn is not None
    *others, smallest = sorted((row["norm"] for row in result["labels"]), reverse=True)

    def flagged(norm: float) -> bool:
        norms = enumerate([*others, norm])
        labels = [LabelNorm(label=n, state="done", norm=v, attack_success_rate=0.9, evidence=DEAR) for n, v in norms]
        return "outlier" in detect(labels, classes=classes, pixels=1024).labels[-1].rules

    # when the smallest label is moved to just below and just above it, then the detection agrees
    assert smallest > drawn
    assert flagged(drawn * 0.97)
    assert not flagged(drawn * 1.03)


def test_the_scale_is_that_of_log_z(make_result: Make) -> None:
    result = make_result(infected={3: 2.0})
    scale = log_scale(result["labels"])
    assert scale is not None
    median, spread = scale
    clean = [row["norm"] for row in result["labels"] if not row["flagged"]]
    assert (median - np.log(20.0)) / spread == pytest.approx(robust_log_z(20.0, clean))


def test_what_is_small_is_drawn_even_where_nothing_else_is_known(make_result: Make) -> None:
    result = make_result(classes=2)
    assert [guide.kind for guide in guides(result)] == ["size"]
    assert line(result, "size") == pytest.approx(0.015 * 32 * 32)
