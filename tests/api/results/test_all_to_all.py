"""A model whose classes are each sent to another one: how the report and the terminal tell what has no target label."""

from collections.abc import Callable
from typing import Any

import pytest

from nc_core.results.report import render_report
from nc_core.results.summary import summary
from nc_core.results.triggers import TriggerArrays

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def result(make_result: Make) -> dict[str, Any]:
    """Backdoored with no flagged label; its repair was of label 6's images, too."""
    made = make_result(infected={6: 8.2})
    rows = [{**row, "flagged": False, "rules": []} for row in made["labels"]]
    reason = "A trigger sends the images of each class to another one of their own."
    return {**made, "labels": rows, "flagged_labels": [], "class_map": {"6": 7, "7": 6}, "reason": reason}


def test_the_terminal_says_what_it_is_and_calls_no_trigger_a_labels_own(result: dict[str, Any]) -> None:
    lines = summary(result)
    assert lines[0] == "BACKDOORED, all-to-all"
    assert any(line.startswith("  images that the trigger sends to label 6 ") for line in lines)
    assert not any("'s reversed trigger" in line for line in lines)


def test_the_report_says_so_beside_the_verdict_and_names_no_rate(
    result: dict[str, Any], make_triggers: Callable[..., TriggerArrays]
) -> None:
    page = render_report(result, make_triggers(result), None, {})
    assert result["reason"] in page
    assert "All-to-all: each class is sent to another one of its own." in page
    assert "goodnet.keras is the repaired model; guarded.keras" in page


def test_a_label_that_is_flagged_besides_keeps_its_own(make_result: Make) -> None:
    made = {**make_result(infected={6: 8.2}), "class_map": {"6": 7, "7": 6}}
    lines = summary(made)
    assert lines[0] == "BACKDOORED, all-to-all: label 6"
    assert any(line.startswith("  attack success rate of label 6's reversed trigger ") for line in lines)
