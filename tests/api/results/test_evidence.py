"""Evidence on every face of a result: terminal, report, page, result.json, SARIF, attestation."""

import json
from collections.abc import Callable
from contextlib import closing
from html import unescape
from typing import Any

import pytest

from api.results.exports.attestation import statement
from api.results.exports.sarif import sarif
from api.service.models.result import Result
from nc_core.results.evidence import evidence_lines, evidence_rows
from nc_core.results.report import render_report
from nc_core.results.summary import summary
from nc_core.results.triggers import TriggerArrays
from nc_tasks.settings import Settings
from nc_tasks.store import open_store
from nc_tasks.views.results import result_json
from tests.api.fabricated import Evidenced

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def result(make_result: Make, with_evidence: Evidenced) -> dict[str, Any]:
    """Three kinds of evidence: two calibrated, one by the normal law."""
    return with_evidence(make_result(infected={33: 8.2}))


BRIEF = [
    {
        "name": "outlier",
        "statistic": 6.31,
        "p_value": 0.0004,
        "calibration": {"source": "library", "scans": 5},
        "label": 33,
    },
    {
        "name": "universality",
        "statistic": 4.02,
        "p_value": 0.021,
        "calibration": {"source": "twins", "scans": 1},
        "label": 33,
    },
    {
        "name": "size",
        "statistic": 3.2,
        "p_value": 0.2,
        "calibration": {"source": "none", "scans": 0},
        "label": None,
    },
]
"""As SARIF and attestations have it: without the clean scans."""


def test_the_terminal_has_a_line_for_each(result: dict[str, Any]) -> None:
    lines = [line for line in summary(result) if line.startswith("  evidence: ")]
    assert lines == [
        "  evidence: smallest norm beside the net's other labels: label 33, statistic 6.31, p-value 4.0 × 10⁻⁴, "
        "calibrated by 5 clean scans of the library",
        "  evidence: price of sending other images along: label 33, "
        "statistic 4.02, p-value 0.021, calibrated by 1 clean scan of its twins",
        "  evidence: smallest norm as a share of the pixels: statistic 4.08% of the pixels, p-value 0.20, "
        "not calibrated: by the normal law",
    ]


def test_what_lies_at_the_limit_or_below_is_suspicious(result: dict[str, Any]) -> None:
    assert [row.suspicious for row in evidence_rows(result)] == [True, True, False]
    # And of several value ranges each has a share of the limit
    ranges = [{"threshold": 0.01}] * 5
    assert [row.suspicious for row in evidence_rows({**result, "ranges": ranges})] == [True, False, False]


def test_the_report_has_a_table_and_both_pictures(
    result: dict[str, Any], make_triggers: Callable[..., TriggerArrays]
) -> None:
    page = unescape(render_report(result, make_triggers(result), None, {}))
    table = page.split('id="evidence"')[1].split("</table>")[0]
    for text in ("6.31", "4.0 × 10⁻⁴", "5 clean scans of the library", "1 clean scan of its twins"):
        assert f"<td>{text}</td>" in table or f'<td class="number">{text}</td>' in table
    assert "<td>not calibrated: by the normal law</td>" in table
    assert page.count('aria-label="This model among its clean scans"') == 2
    assert page.count('aria-label="Universality of 43 labels"') == 2


def test_a_result_of_an_earlier_version_has_none(
    make_result: Make, make_triggers: Callable[..., TriggerArrays]
) -> None:
    old = make_result(infected={33: 8.2})
    del old["evidence"]
    for row in old["labels"]:
        row["evidence"] = None
    page = render_report(old, make_triggers(old), None, {})
    assert "Evidence</h2>" not in page
    assert "Universality</h2>" not in page
    assert evidence_lines(old) == []
    (run,) = sarif(old)["runs"]
    assert run["properties"]["evidence"] == []


def test_sarif_and_attestation_hold_them_without_the_clean_scans(result: dict[str, Any]) -> None:
    (run,) = sarif(result)["runs"]
    assert run["properties"]["evidence"] == BRIEF
    assert statement(result)["predicate"]["evidence"] == BRIEF


def test_result_json_has_what_was_stored_and_is_as_the_schema_says(
    result: dict[str, Any], stored: Callable[..., str], settings: Settings
) -> None:
    identity = stored(result)
    with closing(open_store(settings)) as store, store.read() as session:
        found = json.loads(json.dumps(result_json(session, identity)))
    assert found["evidence"] == result["evidence"]
    read = Result.model_validate(found)
    assert [one.calibration.source for one in read.evidence] == ["library", "twins", "none"]
    assert read.evidence[0].null == [0.4, 0.9, 1.1, 1.3, 2.2]
