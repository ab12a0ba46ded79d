"""The report page: what it says, and that nothing in it can act."""

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from api.results.report import render_report
from api.results.summary import summary
from api.results.triggers import TriggerArrays
from nc_core.datasets import Images
from tests.api.conftest import Evidenced, compared

Make = Callable[..., dict[str, Any]]
MakeTriggers = Callable[[dict[str, Any]], TriggerArrays]

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Elements with attributes, and the text outside <style>; fails where elements do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag in ("td", "th", "dt", "dd", "p", "strong"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page(make_triggers: MakeTriggers, examples: Images) -> Callable[[dict[str, Any]], Page]:
    return lambda result: Page(render_report(result, make_triggers(result), examples, {}))


Render = Callable[[dict[str, Any]], Page]


def words(page: Page) -> str:
    return " ".join(page.text.split())


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


def test_a_flagged_label_says_how_its_norm_came_out_each_time(page: Render, make_result: Make) -> None:
    shown = words(page(make_result(infected={1: 8.2})))
    assert "norm 8.20 (0.8% of the pixels; middle of 8.20, 10.2 and 6.56)" in shown


def test_the_repair_shows_both_ends_and_that_the_true_trigger_s_rate_is_unknown(
    page: Render, make_result: Make
) -> None:
    shown = words(page(make_result(infected={1: 8.2})))
    assert "Clean accuracy 95.5% 97.4% +1.9" in shown
    assert "reversed trigger of label 1 99.8% 0.4% −99.4" in shown
    assert "the reversed trigger still has an attack success rate of 0.4%" in shown
    assert "The true trigger's rate is unknown." in shown


def test_a_suspect_s_trigger_is_not_the_reversed_trigger_of_the_advice(page: Render, make_result: Make) -> None:
    result = make_result(infected={1: 8.2})
    result["mitigation"]["reversed_attack_success_rate_before"]["5"] = 1.0
    result["mitigation"]["reversed_attack_success_rate_after"]["5"] = 0.97
    assert "the reversed trigger still has an attack success rate of 0.4%" in words(page(result))


def test_known_poison_replaces_that_caution(page: Render, make_result: Make) -> None:
    shown = words(page(make_result(infected={1: 8.2}, poisoned=True)))
    assert "the known poisoned pictures 99.4% 1.3%" in shown
    assert "the known poison still has an attack success rate of 1.3%" in shown
    assert "98.1% of the known poisoned pictures" in shown
    assert "The true trigger's rate is unknown" not in shown


def test_methods_are_shown_side_by_side_with_their_triggers(
    make_result: Make, make_triggers: MakeTriggers, examples: Images
) -> None:
    # Given two repairs, and what was reversed on the models that they made
    result = compared(make_result(infected={1: 8.2}))
    triggers = make_triggers(result)
    fresh = TriggerArrays(labels=triggers.labels[1:2], mask=triggers.mask[1:2], pattern=triggers.pattern[1:2])
    # When the page is made
    shown = Page(render_report(result, triggers, examples, {"unlearning": fresh, "fine-pruning": fresh}))
    text = words(shown).split("Methods side by side")[1]
    # Then the kept one comes first, each with its figures, pictures, changes and notes
    assert text.index("unlearning kept") < text.index("fine-pruning rejected")
    assert "Unlearning is best." in text
    assert "Held to the bound 85.0%, at least 90.0%" in text
    assert "Recovery accuracy, label 1 1.0% → 93.0%" in text
    assert "Worst of 1 reversed trigger 2.1% (label 1, from fine-pruning)" in text
    assert "Changed: dense_1 (602 of 5,547 weights, by 31.8%)." in text
    assert "Too dear." in text
    alts = [str(image["alt"]) for image in shown.all("img")]
    assert sum("as reversed on the model repaired by" in alt for alt in alts) == 4


def test_repairs_that_were_not_compared_say_why(page: Render, make_result: Make) -> None:
    result = compared(make_result(infected={1: 8.2}))
    for one in result["mitigation"]["candidates"]:
        one["comparison"] = {"triggers": [], "reason": "not compared: ValueError: no memory"}
    shown = words(page(result))
    assert shown.count("Reversed triggers of all repairs not compared: ValueError: no memory") == 2
    assert "Worst of" not in shown


def test_a_repair_that_costs_too_much_is_told_as_none(page: Render, make_result: Make) -> None:
    result = compared(make_result(infected={1: 8.2}))
    other = result["mitigation"]["candidates"][0]
    reason = "every repair costs more accuracy than it may"
    result["mitigation"] = {"method": None, "candidates": [other], "failed": [], "reason": reason, "closest": "x"}
    shown = words(page(result))
    assert "Repair: none No repair is handed out. Every repair costs more accuracy than it may." in shown
    assert "fine-pruning rejected" in shown


def test_a_filter_is_not_called_a_repair(page: Render, make_result: Make) -> None:
    result = make_result(infected={1: 8.2})
    result["mitigation"]["method"] = "filter"
    shown = words(page(result))
    assert "Nothing was repaired" in shown
    assert "goodnet.keras is the repaired model" not in shown


REJECTED = "every repair costs more accuracy than it may; fine-pruning comes closest; filter leaves the least attack"


def guarded_alone(result: dict[str, Any]) -> dict[str, Any]:
    """The filter is kept, and what came closest of the repairs was rejected."""
    other, kept = compared(result)["mitigation"]["candidates"]
    kept["method"] = "filter"
    told = {"candidates": [other, kept], "failed": [], "reason": REJECTED, "closest": "fine-pruning"}
    return {**result, "mitigation": {**kept, **told}}


def test_beside_a_filter_that_is_kept_the_repair_that_came_closest_is_told(page: Render, make_result: Make) -> None:
    shown = words(page(guarded_alone(make_result(infected={1: 8.2}))))
    assert f"{REJECTED[0].upper()}{REJECTED[1:]}." in shown
    assert "fine-pruning rejected" in shown
    assert f"of 2 repairs, {REJECTED}" in "\n".join(summary(guarded_alone(make_result(infected={1: 8.2}))))


def test_a_failed_repair_says_why(page: Render, make_result: Make) -> None:
    result = make_result(infected={1: 8.2})
    failed = [{"method": "unlearning", "reason": "no image is left to learn from"}]
    result["mitigation"] = {"method": None, "candidates": [], "failed": failed, "reason": None, "closest": None}
    shown = words(page(result))
    assert "unlearning has made no net. no image is left to learn from" in shown
    assert "Its repair failed" in shown
    assert "goodnet.keras" not in shown


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
    assert all(cell.get("scope") in ("col", "row") for cell in shown.all("th"))


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
