"""The scan of the whole repaired net, as the report and the terminal tell it."""

from collections.abc import Callable
from typing import Any

import pytest

from nc_core.results.report import render_report
from nc_core.results.summary import summary
from nc_core.results.triggers import TriggerArrays

Make = Callable[..., dict[str, Any]]


def rescanned(make_result: Make, verdict: str) -> dict[str, Any]:
    result = make_result(infected={6: 8.2})
    flagged = [9] if verdict == "backdoored" else []
    result["mitigation"]["verdict_after"] = {
        "verdict": verdict,
        "reason": "Why it says so.",
        "p_value": 0.021,
        "threshold": 0.05,
        "flagged_labels": flagged,
        "labels": 43,
    }
    return result


@pytest.mark.parametrize("verdict", ["clean", "backdoored", "inconclusive"])
def test_the_verdict_on_the_repaired_net_is_told(
    make_result: Make, make_triggers: Callable[..., TriggerArrays], verdict: str
) -> None:
    result = rescanned(make_result, verdict)
    assert f"  all 43 labels of the repaired net scanned again: {verdict}, p-value 0.021" in summary(result)
    report = render_report(result, make_triggers(result), None, {})
    line = next(line for line in report.splitlines() if "The whole repaired model was scanned again" in line)
    assert f"{verdict}</strong> (p = 0.021, 43 labels). Why it says so." in line
    # and only a clean one is not marked as something to look at
    assert ("callout" in line) == (verdict != "clean")


def test_a_result_of_an_earlier_version_says_nothing_of_it(
    make_result: Make, make_triggers: Callable[..., TriggerArrays]
) -> None:
    result = make_result(infected={6: 8.2})
    assert "verdict_after" not in result["mitigation"]
    assert not any("scanned again" in line for line in summary(result))
    assert "was scanned again" not in render_report(result, make_triggers(result), None, {})
