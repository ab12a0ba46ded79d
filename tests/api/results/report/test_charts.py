"""The norm chart: places and names of marks, held against the definition of the axis."""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from nc_core.results.report.axis import LogAxis
from nc_core.results.report.charts import Guide, norm_chart

Make = Callable[..., dict[str, Any]]


def parsed(chart: str) -> ET.Element:
    return ET.fromstring(chart)


def groups(chart: str, kind: str) -> list[ET.Element]:
    return [group for group in parsed(chart).iter("g") if group.get("class", "").split()[-1] == kind]


def test_equal_factors_are_equal_distances() -> None:
    axis = LogAxis(low=1.0, high=100.0, start=300.0, end=0.0)
    assert [axis.at(value) for value in (1.0, 10.0, 100.0)] == pytest.approx([300.0, 150.0, 0.0])


def test_an_axis_shows_every_value_and_its_ticks_lie_within() -> None:
    axis = LogAxis.around([8.2, 36.9, 53.0], start=300.0, end=0.0)
    assert all(0 < axis.at(value) < 300 for value in (8.2, 36.9, 53.0))
    assert axis.ticks() == [10.0, 20.0, 50.0]


def test_an_axis_without_values_is_still_an_axis() -> None:
    assert math.isfinite(LogAxis.around([], start=300.0, end=0.0).at(1.0))


@pytest.mark.parametrize("classes", [1, 2, 5, 43, 1283])
def test_every_label_is_drawn_once_inside_the_picture(make_result: Make, classes: int) -> None:
    # Given a scan of that many labels, when its chart is drawn, then each label has one mark within it.
    result = make_result(classes=classes)
    chart = parsed(norm_chart(result["labels"], []))
    marks = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in chart.iter("circle")]
    for cloud in chart.iter("path"):
        marks += [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", cloud.attrib["d"])]
    assert len(marks) == len(set(marks)) == classes
    assert all(0 <= x <= 960 and 0 <= y <= 380 for x, y in marks)


@pytest.mark.parametrize(("classes", "named"), [(1, "Norms of 1 label,"), (1283, "Norms of 1,283 labels,")])
def test_the_chart_says_how_many_labels_it_shows(make_result: Make, classes: int, named: str) -> None:
    assert named in norm_chart(make_result(classes=classes)["labels"], [])


def test_labels_that_were_screened_out_are_counted_and_not_drawn(make_result: Make) -> None:
    # Given a scan of 1283 labels, of which all but 100 were screened out, and one of these did not converge
    rows = make_result(classes=1283)["labels"]
    for row in rows[100:]:
        row.update(state="screened_out", norm=None)
    rows[3].update(state="not_converged", norm=None)
    # When its chart is drawn, then 100 labels have a mark, and the rest is told as a number
    chart = parsed(norm_chart(rows, []))
    assert sum(circle.get("class") == "dot" for circle in chart.iter("circle")) == 100
    told = [text.text for text in chart.iter("text")]
    assert "1,183 labels screened out" in told
    assert "no norm: 1" in told


def test_flagged_labels_are_marked_and_named_even_among_1283(make_result: Make) -> None:
    chart = norm_chart(make_result(classes=1283, infected={33: 8.4})["labels"], [])
    (flagged,) = groups(chart, "flagged")
    assert flagged.findtext("title", "").startswith("Label 33: norm 8.40")
    names = [text.text for text in parsed(chart).iter("text") if text.get("class") == "tick flagged"]
    assert names == ["33"]


@pytest.mark.parametrize(("classes", "width"), [(43, 960), (43, 380), (1283, 960), (1283, 380)])
def test_label_numbers_never_overlap(make_result: Make, classes: int, width: int) -> None:
    chart = parsed(norm_chart(make_result(classes=classes, infected={33: 8.4})["labels"], [], width=width))
    names = [text for text in chart.iter("text") if text.get("text-anchor") == "middle"][:-1]
    spans = sorted((float(name.attrib["x"]), 3.5 * len(name.text or "")) for name in names)
    assert len(spans) > 5
    assert all(a[0] + a[1] < b[0] - b[1] for a, b in pairwise(spans))


def test_labels_without_a_norm_have_their_own_band_above_the_plot(make_result: Make) -> None:
    chart = norm_chart(make_result(unfinished=11)["labels"], [])
    bands = {group.find("circle").attrib["cy"] for group in groups(chart, "unsettled")}  # type: ignore[union-attr]
    assert len(groups(chart, "unsettled")) == 11
    assert bands == {"16"}
    assert "no norm: 11" in chart


def test_a_guide_lies_at_its_norm_and_near_ones_keep_their_names_apart(make_result: Make) -> None:
    guides = [Guide(norm=20.0, kind="size", name="upper"), Guide(norm=19.0, kind="threshold", name="lower")]
    chart = parsed(norm_chart(make_result()["labels"], guides))
    names = {text.text: float(text.attrib["y"]) for text in chart.iter("text") if text.text in ("upper", "lower")}
    assert names["lower"] - names["upper"] >= 15


def test_text_in_a_chart_is_escaped(make_result: Make) -> None:
    chart = norm_chart(make_result()["labels"], [Guide(norm=20.0, kind="size", name="<script>")])
    assert not re.search("<script", chart)
    assert "&lt;script&gt;" in chart
