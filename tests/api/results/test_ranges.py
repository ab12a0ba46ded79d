"""Value ranges and doubts on every face of a result: terminal, report, page, SARIF, attestation."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from api.progress.snapshot import detail
from api.results.exports.attestation import statement
from api.results.exports.sarif import sarif
from nc_core.results.report import render_report
from nc_core.results.summary import summary
from nc_core.results.triggers import TriggerArrays
from tests.api.snapshots import seen

Make = Callable[..., dict[str, Any]]

DOUBT = "clean accuracy in 0..1 is only 0.600, below 0.66"
SAYS = "Clean accuracy in 0..1 is only 0.600, below 0.66."


def entry(value_range: str, verdict: str, flagged: list[int]) -> dict[str, Any]:
    return {
        "value_range": value_range,
        "scale": [1 / 255] * 3,
        "offset": [0.0] * 3,
        "score": 0.6,
        "clean_accuracy": 0.6,
        "first_round": 0,
        "verdict": verdict,
        "reason": "",
        "flagged_labels": flagged,
        "p_value": 0.4,
        "threshold": 0.025,
        "anomaly_index": 1.0,
        "log_z": 1.0,
    }


@pytest.fixture
def result(make_result: Make) -> dict[str, Any]:
    """Backdoored in one of two ranges, on data that are doubted."""
    ranges = [entry("0..1", "clean", []), entry("0..255", "backdoored", [33])]
    return {**make_result(infected={33: 8.2}), "doubts": [DOUBT], "ranges": ranges}


def test_the_terminal_says_them_below_the_reason(result: dict[str, Any]) -> None:
    lines = summary(result)
    assert f"  doubt: {SAYS}" in lines
    assert "  scanned in 0..1: clean (p-value 0.40, limit 0.025; clean accuracy 60.0%)" in lines
    assert any(line.startswith("  scanned in 0..255: backdoored, label 33 (p-value 0.40") for line in lines)


def test_the_report_says_them(result: dict[str, Any], make_triggers: Callable[..., TriggerArrays]) -> None:
    page = unescape(render_report(result, make_triggers(result), None, {}))
    assert SAYS in page
    assert "Several value ranges explain the data almost equally well" in page
    assert "backdoored, label 33" in page


def test_one_range_and_no_doubt_are_not_spoken_of(
    make_result: Make, make_triggers: Callable[..., TriggerArrays]
) -> None:
    plain = {**make_result(), "ranges": [entry("0..1", "clean", [])], "doubts": []}
    page = render_report(plain, make_triggers(plain), None, {})
    assert "A doubt about the data" not in page
    assert "Several value ranges" not in page
    assert not any("scanned in" in line for line in summary(plain))


def test_sarif_warns_of_doubts_and_notes_the_ranges(result: dict[str, Any]) -> None:
    (run,) = sarif(result)["runs"]
    told = [(one["level"], one["message"]["text"]) for one in run["invocations"][0]["toolExecutionNotifications"]]
    assert ("warning", SAYS) in told
    assert any(level == "note" and text.startswith("Scanned in 0..255: backdoored") for level, text in told)
    assert run["properties"]["ranges"] == ["0..1", "0..255"]
    assert run["properties"]["doubts"] == [DOUBT]


def test_the_attestation_holds_them(result: dict[str, Any]) -> None:
    predicate = statement(result)["predicate"]
    assert predicate["doubts"] == [DOUBT]
    assert [(one["value_range"], one["verdict"], one["flagged_labels"]) for one in predicate["ranges"]] == [
        ("0..1", "clean", []),
        ("0..255", "backdoored", [33]),
    ]


def test_progress_says_which_range_is_at_work() -> None:
    assert detail("inversion", seen(range=1, ranges=2)) == "value range 2 of 2: 12 of 43 labels"
