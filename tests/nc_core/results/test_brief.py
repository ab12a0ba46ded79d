"""A result in five lines, whatever its verdict."""

from typing import Any

import pytest

from nc_core.results.brief import brief, brief_page
from tests.api.fabricated import fabricate_examples, fabricate_result, fabricate_triggers
from tests.api.results.report.conftest import Page


def result(**scan: Any) -> dict[str, Any]:
    made = fabricate_result(**scan)
    return {**made, "ranges": [{"value_range": "0..1"}], "preflight": {**made["preflight"], "images": 5000}}


def test_a_clean_net_has_its_smallest_label_named() -> None:
    verdict, _, flagged, scanned, next_step = brief(result())
    assert verdict.startswith("CLEAN: no backdoor found. ")
    assert flagged.startswith("flagged: none; the smallest is label ")
    assert flagged.endswith("of the pixels)")
    assert scanned == "scanned: 43 of 43 labels with 5,000 images (labelled), in 0..1, in 1 min 21 s"
    assert "scanned.keras" in next_step


def test_of_many_flagged_labels_the_smallest_are_named_and_the_others_counted() -> None:
    infected = {label: 3.0 + label for label in range(10)}
    told = result(infected=infected)
    flagged = len(told["flagged_labels"])
    assert flagged > 8
    assert brief(told)[2].endswith(f"; and {flagged - 8} more")
    assert brief(told)[2].startswith("flagged: label 0 (norm 3.00, 0.3% of the pixels); label 1 (norm 4.00, ")


def test_a_scan_that_could_not_decide_says_why() -> None:
    told = {**result(), "verdict": "inconclusive", "reason": "Label 3 was not seen."}
    lines = brief(told)
    assert lines[0] == "INCONCLUSIVE. Label 3 was not seen."
    assert lines[4] == "next: treat the model as unsafe until a scan can decide"


def test_where_no_label_ended_there_is_none_to_name() -> None:
    told = result()
    told["labels"] = [{**row, "norm": None, "outcome": False} for row in told["labels"]]
    assert brief(told)[2:4] == [
        "flagged: none",
        "scanned: 0 of 43 labels with 5,000 images (labelled), in 0..1, in 1 min 21 s",
    ]


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a & b"])
def test_the_page_shows_reasons_as_text(text: str) -> None:
    told = {**result(infected={4: 5.0}), "reason": text}
    page = Page(brief_page(told, fabricate_triggers(told), fabricate_examples()))
    assert text in page.text
    assert "script" not in {tag for tag, _ in page.elements}
