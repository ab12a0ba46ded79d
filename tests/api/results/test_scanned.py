"""Which file to deploy: said in one sentence for every verdict, on every face."""

from collections.abc import Callable
from typing import Any

import pytest

from nc_core.datasets import Images
from nc_core.results.report import render_report
from nc_core.results.scanned import about, files_of
from nc_core.results.summary import summary
from nc_core.results.triggers import TriggerArrays

Make = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("how", "verdict", "deploy"),
    [
        ({}, "clean", "Deploy scanned.keras, not the submitted file"),
        ({"unfinished": 11}, "inconclusive", "if this model is to be deployed at all, deploy scanned.keras"),
        ({"infected": {33: 8.2}}, "backdoored", "deploy neither of the two"),
    ],
)
def test_each_verdict_says_what_to_deploy_beside_both_digests(
    make_result: Make,
    make_triggers: Callable[..., TriggerArrays],
    examples: Images,
    how: dict[str, Any],
    verdict: str,
    deploy: str,
) -> None:
    result = make_result(**how)
    assert result["verdict"] == verdict
    assert deploy in about(result)
    assert "that file alone" in about(result)
    # The first lines of the terminal: verdict, reason, file
    lines = summary(result)
    assert lines[2:5] == [
        f"  {about(result)}",
        f"  scanned.keras, sha256 {'5c' * 32}",
        f"  submitted: traffic_signs.h5, sha256 {'5b' * 32}",
    ]
    # The banner of the report, before its figures
    page = render_report(result, make_triggers(result), examples, {})
    banner = page.split('class="figures"')[0]
    for text in (about(result), "5c" * 32, "5b" * 32):
        assert text in banner


def test_without_the_scanned_net_nothing_is_said_to_be_deployed(make_result: Make) -> None:
    result = make_result()
    result["model"]["scanned_sha256"] = None
    assert "Deploy" not in about(result)
    assert files_of(result) == [("submitted: traffic_signs.h5", "5b" * 32)]
    assert "scanned.keras, sha256" not in "\n".join(summary(result))
