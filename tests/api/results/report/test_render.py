"""The report page: what it says, and that nothing in it can act."""

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nc_core.datasets import Images
from nc_core.results.report import render_report
from nc_core.results.scanned import about
from nc_core.results.summary import summary
from nc_core.results.triggers import TriggerArrays
from tests.api.fabricated import Evidenced
from tests.api.results.report.conftest import Make, MakeTriggers, Page, Render, words


def test_a_backdoored_model_is_called_so_with_label_reason_and_advice(page: Render, make_result: Make) -> None:
    result = make_result(infected={1: 8.2})
    shown = words(page(result))
    assert "Verdict Backdoored" in shown
    assert result["reason"] in shown
    assert "Target label: 1." in shown
    assert "guarded.keras also answers with one more class, 43" in shown
    assert all(rule in shown for rule in result["rules"])


def test_a_clean_verdict_names_what_it_does_not_cover(page: Render, make_result: Make) -> None:
    result = make_result()
    shown = words(page(result))
    assert "No backdoor found" in shown
    assert all(attack in shown for attack in result["not_covered"])
    assert "Repair" not in shown


def test_an_inconclusive_scan_is_not_called_clean(page: Render, make_result: Make) -> None:
    shown = words(page(make_result(unfinished=11)))
    assert "Inconclusive" in shown
    assert "Treat the model as unsafe" in shown
    assert "No backdoor found" not in shown


@pytest.mark.parametrize(("method", "deploy"), [("unlearning", "goodnet.keras"), ("filter", "scanned.keras")])
def test_a_net_that_is_repaired_as_a_precaution_is_the_one_to_deploy(
    page: Render, make_result: Make, method: str, deploy: str
) -> None:
    # Given a result whose one label leaves the verdict open, and its repair
    result = make_result(infected={33: 8.2})
    for row in result["labels"]:
        row["flagged"] = False
    result.update(verdict="inconclusive", flagged_labels=[], suspects=[33])
    result["mitigation"]["method"] = method
    # Then every face says that it is a precaution, and how much of the attack is left
    assert f"if this model is to be deployed at all, deploy {deploy}" in about(result)
    assert ("repaired as a precaution by unlearning" in "\n".join(summary(result))) == (method == "unlearning")
    shown = words(page(result))
    assert "Treat the model as unsafe until a scan can decide. As a precaution against label 33" in shown
    assert "in the value range 0..1 alone" not in shown
    assert ("on which the reversed trigger still has an attack success rate of 0.4%" in shown) == (
        method == "unlearning"
    )


def test_a_precaution_of_several_value_ranges_says_in_which_it_was_repaired(page: Render, make_result: Make) -> None:
    result = make_result(infected={33: 8.2})
    one = {"value_range": "0..1", "verdict": "backdoored", "flagged_labels": [33]}
    one |= {"p_value": 0.01, "threshold": 0.025, "clean_accuracy": None}
    result.update(verdict="inconclusive", ranges=[one, {**one, "value_range": "0..255", "verdict": "clean"}])
    assert "As a precaution against label 33, in the value range 0..1 alone: goodnet.keras" in words(page(result))


def test_a_flagged_label_says_how_its_norm_came_out_each_time(page: Render, make_result: Make) -> None:
    shown = words(page(make_result(infected={1: 8.2})))
    assert "norm 8.20 (0.8% of the pixels; middle of 8.20, 10.2 and 6.56)" in shown


def test_unlabelled_data_and_an_ambiguous_range_are_said(page: Render, make_result: Make) -> None:
    result = make_result(infected={1: 8.2})
    result["preflight"].update(labelled=False, clean_accuracy=None, ambiguous=True)
    shown = words(page(result))
    assert "No labels were used." in shown
    assert "The value range is ambiguous." in shown
    assert "Agreement with the submitted model 95.5%" in shown
    assert "Clean accuracy 95.5%" not in shown


@pytest.mark.parametrize(("classes", "rows", "note"), [(43, 43, False), (100, 100, False), (1283, 100, True)])
def test_the_table_holds_the_100_smallest_and_says_where_the_rest_is(
    page: Render, make_result: Make, classes: int, rows: int, note: bool
) -> None:
    result = make_result(classes=classes)
    shown = page(result)
    html_rows = re.findall(r"\d+ (?:done|not converged) ", words(shown).split("Flagged by")[1])
    assert len(html_rows) == rows
    assert ("result.json has all of them" in words(shown)) == note


def test_hostile_names_and_reasons_stay_text(page: Render, make_result: Make) -> None:
    # Given a file name, a reason, a note and a layout that are markup
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"
    result = make_result(infected={1: 8.2}, model_name=attack)
    result["reason"] = result["preflight"]["layout"] = attack
    result["mitigation"]["notes"] = result["rules"] = [attack]
    result["data"] = {"name": attack, "sha256": "0" * 64}
    # when the page is made
    shown = page(result)
    # then they are read as text, and no element came of them
    assert shown.text.count(attack) >= 5
    assert shown.all("script") == []
    assert all(str(image["src"]).startswith("data:image/png;base64,") for image in shown.all("img"))


def test_nothing_is_loaded_and_nothing_runs(make_result: Make, make_triggers: MakeTriggers, examples: Images) -> None:
    result = make_result(infected={1: 8.2})
    html = render_report(result, make_triggers(result), examples, {})
    shown = Page(html)
    policy = next(meta["content"] for meta in shown.all("meta") if meta.get("http-equiv"))
    style = html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in style
    assert "@import" not in style
    for _, attributes in shown.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "href")]
        assert str(attributes.get("src") or "data:").startswith("data:")


def test_pictures_charts_tables_and_sections_have_names(
    page: Render, make_result: Make, with_evidence: Evidenced
) -> None:
    shown = page(with_evidence(make_result(infected={1: 8.2})))
    assert shown.all("img")
    assert all(image["alt"] for image in shown.all("img"))
    charts = [svg for svg in shown.all("svg") if svg.get("role") == "img"]
    assert len(charts) == 8
    assert all(svg["aria-label"] for svg in charts)
    assert all(svg.get("role") == "img" or svg.get("aria-hidden") == "true" for svg in shown.all("svg"))
    ids = {str(attributes["id"]) for _, attributes in shown.elements if "id" in attributes}
    assert all(section["aria-labelledby"] in ids for section in shown.all("section"))
    assert all(cell.get("scope") in ("col", "row", "rowgroup") for cell in shown.all("th"))


def test_more_flagged_labels_than_cards_are_counted(page: Render, make_result: Make) -> None:
    result = make_result(classes=400, infected={label: 8.0 + label / 50 for label in range(40)})
    shown = page(result)
    assert len(result["flagged_labels"]) >= 40
    assert "the 24 smallest are shown" in words(shown)
    assert len(shown.all("article")) == 28


def test_a_result_without_a_single_norm_still_has_a_page(make_result: Make) -> None:
    result = make_result(classes=12)
    for row in result["labels"]:
        row.update(state="failed", norm=None, anomaly_index=None, log_z=None, attack_success_rate=None)
    result.update(verdict="inconclusive", reference_size=0)
    nothing = np.zeros((0, 32, 32, 3), np.float32)
    triggers = TriggerArrays(labels=np.zeros(0, np.int32), mask=nothing[..., 0], pattern=nothing)
    shown = Page(render_report(result, triggers, None, {}))
    assert "Inconclusive" in words(shown)
    assert shown.all("article") == []


def test_a_card_says_whether_the_trigger_is_universal(
    page: Callable[[dict[str, Any]], Page], make_result: Make
) -> None:
    text = page(make_result(infected={3: 8.0})).text
    assert "triggers of four images work on 90.0% of others" in text
    # And nothing is said of a label that was not asked
    result = make_result(infected={3: 8.0})
    for row in result["labels"]:
        row["evidence"] = None
    assert "triggers of four images work on" not in page(result).text.split("Reversed triggers")[1]


def test_a_card_says_how_small_a_perturbation_does_without_a_mask(
    page: Callable[[dict[str, Any]], Page], make_result: Make
) -> None:
    result = make_result(infected={3: 8.0})
    for row in result["labels"]:
        row["evidence"] = {**row["evidence"], "perturbation_norm": 1.234 if row["flagged"] else None}
    text = page(result).text
    assert text.count("a perturbation of L2 norm 1.23 does without a mask") == 1
    assert "does without a mask" not in page(make_result(infected={3: 8.0})).text
