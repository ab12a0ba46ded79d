"""Labels that follow: flagged, until the repair of others took their small trigger away; the same in every form."""

from collections.abc import Callable
from typing import Any

import pytest

from api.results.exports.attestation import statement
from api.results.exports.sarif import sarif
from api.results.outputs import read_scan
from nc_core.datasets import Images
from nc_core.results.report import render_report
from nc_core.results.summary import follow_line, summary
from nc_core.results.triggers import TriggerArrays
from nc_tasks.files import FolderArtefacts
from nc_tasks.settings import Settings
from nc_tasks.store import open_store

Make = Callable[..., dict[str, Any]]
FOLLOWS = "label 24 follows: its small trigger went away with the others'"


@pytest.fixture
def result(make_result: Make) -> dict[str, Any]:
    """Label 6 leads, 24 follows."""
    return make_result(infected={6: 8.2, 24: 9.4}, followers=[24])


def test_a_stored_scan_flags_the_leading_label_and_names_who_follows(
    settings: Settings, stored: Callable[..., str], result: dict[str, Any]
) -> None:
    # Given a repair whose stored body names 24 as a follower
    identity, store = stored(result), open_store(settings)
    # when the result is gathered
    found = read_scan(store, FolderArtefacts(settings.artefacts), identity).result
    store.close()
    # then
    assert (found["flagged_labels"], found["followers"]) == ([6], [24])
    rows = {row["label"]: (row["flagged"], row["follower"]) for row in found["labels"]}
    assert (rows[6], rows[24], rows[7]) == ((True, False), (False, True), (False, False))
    assert found["mitigation"]["reversed_attack_success_rate_after"].keys() == {"6", "24"}


@pytest.mark.parametrize("until", ["detection", "done"])
def test_without_a_repair_nothing_follows(
    settings: Settings, stored: Callable[..., str], make_result: Make, until: str
) -> None:
    identity = stored(make_result(infected={6: 8.2, 24: 9.4}, repaired=until == "detection"), until=until)
    store = open_store(settings)
    found = read_scan(store, FolderArtefacts(settings.artefacts), identity).result
    store.close()
    assert (found["flagged_labels"], found["followers"]) == ([6, 24], [])


def test_the_terminal_says_which_label_leads_and_which_follows(result: dict[str, Any]) -> None:
    lines = summary(result)
    assert lines[0] == "BACKDOORED: label 6"
    assert f"  {FOLLOWS}" in lines
    assert not any(line.startswith("  label 24: norm") for line in lines)


def test_the_report_says_so_beside_the_verdict(
    result: dict[str, Any], make_triggers: Callable[..., TriggerArrays], examples: Images
) -> None:
    page = render_report(result, make_triggers(result), examples, {})
    assert "Target label: 6. Label 24 follows: its small trigger went away with the others&#39;." in page
    assert '<h3 id="trigger-24">Label 24 <span class="chip follower">follows</span></h3>' in page


def test_sarif_and_attestation_find_the_leading_label_alone(result: dict[str, Any]) -> None:
    (run,) = sarif(result)["runs"]
    assert [found["properties"]["label"] for found in run["results"]] == [6]
    notes = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert f"{FOLLOWS[:1].upper()}{FOLLOWS[1:]}." in notes
    predicate = statement(result)["predicate"]
    assert (predicate["flagged_labels"], predicate["followers"]) == ([6], [24])


@pytest.mark.parametrize(
    ("followers", "line"),
    [
        ([], None),
        ([24], FOLLOWS),
        ([24, 30], "labels 24 and 30 follow: their small triggers went away with the others'"),
    ],
)
def test_one_follower_is_told_as_one(followers: list[int], line: str | None) -> None:
    assert follow_line({"followers": followers}) == line
