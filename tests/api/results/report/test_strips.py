"""The strips of clean scans: places of ticks and of the model, held against the axis."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from nc_core.results.evidence import evidence_rows
from nc_core.results.report.axis import EvenAxis
from nc_core.results.report.strips import strip_chart, strip_charts


def result(*null: float, statistic: float = 3.0, p_value: float = 0.01) -> dict[str, Any]:
    calibration = {"source": "library", "scans": len(null)}
    one = {"name": "outlier", "statistic": statistic, "p_value": p_value, "calibration": calibration, "label": 7}
    return {"evidence": [{**one, "null": list(null)}], "threshold": 0.05}


def ticks(chart: ET.Element) -> list[float]:
    path = next(path for path in chart.iter("path") if "scans" in path.attrib["class"])
    return [float(x) for x in re.findall(r"M([\d.]+)", path.attrib["d"])]


@pytest.mark.parametrize("width", [940, 320])
def test_each_clean_scan_is_a_tick_and_the_model_a_point_in_order_of_their_statistics(width: int) -> None:
    rows = evidence_rows(result(0.0, 1.0, 2.0, 4.0, statistic=3.0))
    chart = ET.fromstring(strip_chart(rows, width=width))
    places = ticks(chart)
    (model,) = [float(dot.attrib["cx"]) for dot in chart.iter("circle")]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.2)
    assert model == pytest.approx((places[2] + places[3]) / 2, abs=0.2)
    assert all(0 < x < width for x in (*places, model))


def test_it_says_to_a_screen_reader_what_it_shows() -> None:
    chart = ET.fromstring(strip_chart(evidence_rows(result(0.5, 1.0, 2.0, 4.0, statistic=3.0))))
    assert chart.attrib["aria-label"] == "This model among its clean scans"
    told = "Norm, label 7: 3.00, more than 3 of 4 clean scans, which lie between 0.500 and 4.00."
    assert chart.findtext("desc") == told
    assert "this model: 3.00" in [text.text for text in chart.iter("text")]


@pytest.mark.parametrize(("p_value", "kind"), [(0.05, "strip suspicious"), (0.051, "strip")])
def test_a_model_at_the_limit_is_marked(p_value: float, kind: str) -> None:
    chart = ET.fromstring(strip_chart(evidence_rows(result(0.5, 1.0, p_value=p_value))))
    assert [group.attrib["class"] for group in chart.iter("g")] == [kind]


@pytest.mark.parametrize("statistic", [-50.0, 0.0, 50.0])
def test_the_model_and_its_name_stay_within_the_picture(statistic: float) -> None:
    chart = ET.fromstring(strip_chart(evidence_rows(result(0.5, 1.0, statistic=statistic)), width=320))
    (name,) = [text for text in chart.iter("text") if text.attrib["class"] == "model-name"]
    wide, x = 7.5 * len(name.text or ""), float(name.attrib["x"])
    left = x if name.attrib["text-anchor"] == "start" else x - wide
    assert left >= 0
    assert left + wide <= 320


def test_clean_scans_that_are_all_alike_have_a_strip_all_the_same() -> None:
    chart = ET.fromstring(strip_chart(evidence_rows(result(1.0, 1.0, statistic=1.0))))
    assert len(ticks(chart)) == 2


def test_without_clean_scans_there_is_no_strip() -> None:
    rows = [*evidence_rows(result()), *evidence_rows(result(1.0, 2.0))]
    charts = strip_charts(rows)
    assert charts is not None
    assert charts["wide"].count("<circle") == 1
    assert strip_charts(evidence_rows(result())) is None


@pytest.mark.parametrize(
    ("low", "high", "most", "wanted"),
    [(0.0, 10.0, 6, [0, 2, 4, 6, 8, 10]), (-3.2, 0.4, 4, [-3, -2, -1, 0]), (0.11, 0.19, 5, [0.12, 0.14, 0.16, 0.18])],
)
def test_numbers_under_a_line_are_round_and_few(low: float, high: float, most: int, wanted: list[float]) -> None:
    assert EvenAxis(low=low, high=high, start=0.0, end=1.0).ticks(most) == pytest.approx(wanted)
