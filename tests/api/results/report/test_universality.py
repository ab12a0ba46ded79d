"""The scatter of universality: where labels stand, which are named, and that names can be read."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations
from typing import Any

import pytest

from nc_core.results.report.universality import Point, points_of, universality_chart, universality_charts

CLEAN = [Point(label, 20.0 + label, 0.02 * label, False) for label in range(10)]


def drawn(points: list[Point], **size: int) -> ET.Element:
    return ET.fromstring(universality_chart(points, **size))


def dots(chart: ET.Element) -> dict[str, tuple[float, float]]:
    """Beginning of each mark's title -> its place."""
    found = {}
    for group in chart.iter("g"):
        dot = group.find("circle")
        assert dot is not None
        found[group.findtext("title", "").split(":")[0]] = (float(dot.attrib["cx"]), float(dot.attrib["cy"]))
    return found


def test_norm_goes_to_the_right_by_factors_and_rate_upwards_by_percent() -> None:
    points = [Point(0, 5.0, 0.0, False), Point(1, 10.0, 0.5, False), Point(2, 20.0, 1.0, False)]
    places = dots(drawn(points))
    (x0, y0), (x1, y1), (x2, y2) = (places[f"Label {label}"] for label in range(3))
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.1)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.1)
    assert (x0 < x1, y1 < y0) == (True, True)


def test_flagged_labels_are_marked_named_and_told() -> None:
    chart = drawn([*CLEAN, Point(33, 8.4, 0.96, True)])
    flagged = [group for group in chart.iter("g") if group.attrib["class"] == "label flagged"]
    assert [group.findtext("title") for group in flagged] == [
        "Label 33: triggers of four images cover 8.40 pixels and work on 96.0% of others"
    ]
    assert [text.text for text in chart.iter("text") if text.attrib["class"] == "point-name"] == ["label 33"]
    assert chart.attrib["aria-label"] == "Universality of 11 labels"
    told = chart.findtext("desc", "")
    assert told.startswith("Flagged: 33. Label 33: triggers of four images cover 8.40 pixels")
    assert told.endswith("Of the labels that are not flagged they work on 0.0% to 18.0%.")


@pytest.mark.parametrize("width", [940, 320])
def test_names_of_labels_close_together_can_all_be_read(width: int) -> None:
    near = [Point(30 + each, 8.4 + each / 10, 0.95 - each / 100, True) for each in range(4)]
    chart = drawn([*CLEAN, *near], width=width)
    names = [text for text in chart.iter("text") if text.attrib["class"] == "point-name"]
    assert sorted(name.text or "" for name in names) == [f"label {30 + each}" for each in range(4)]
    boxes = []
    for name in names:
        wide, x = 7 * len(name.text or ""), float(name.attrib["x"])
        left = x if name.attrib["text-anchor"] == "start" else x - wide
        boxes.append((left, left + wide, float(name.attrib["y"])))
    assert all(left >= 0 and right <= width for left, right, _ in boxes)
    assert all(a[1] <= b[0] or b[1] <= a[0] or abs(a[2] - b[2]) >= 12 for a, b in combinations(boxes, 2))


def test_of_a_thousand_labels_each_is_drawn_and_the_flagged_can_be_pointed_at() -> None:
    many = [Point(label, 10.0 + label / 10, label / 2000, False) for label in range(1282)]
    chart = drawn([*many, Point(1282, 6.0, 0.97, True)])
    (cloud,) = [path for path in chart.iter("path") if path.attrib["class"] == "cloud plain"]
    assert len(re.findall("M", cloud.attrib["d"])) == 1282
    assert list(dots(chart)) == ["Label 1282"]


def test_fewer_than_three_labels_have_no_picture() -> None:
    assert universality_charts(CLEAN[:2]) is None
    charts = universality_charts(CLEAN[:3])
    assert charts is not None
    assert {name: ET.fromstring(chart).attrib["viewBox"].split()[2] for name, chart in charts.items()} == {
        "wide": "940",
        "narrow": "320",
    }


def test_a_trigger_of_no_pixels_stands_at_the_edge() -> None:
    places = dots(drawn([*CLEAN, Point(33, 0.0, 1.0, True)]))
    assert places["Label 33"][0] == min(x for x, _ in places.values())


def test_labels_of_which_one_figure_is_missing_have_no_point() -> None:
    def row(label: int, evidence: dict[str, Any] | None) -> dict[str, Any]:
        return {"label": label, "flagged": False, "evidence": evidence}

    both = {"few_norm": 12.5, "transferability": 0.25}
    rows = [row(0, None), row(1, {**both, "few_norm": None}), row(2, both), row(3, {"few_norm": 3.0})]
    assert points_of(rows) == [Point(2, 12.5, 0.25, False)]
