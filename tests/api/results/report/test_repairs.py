"""What the report page says of repairs."""

from typing import Any

from nc_core.datasets import Images
from nc_core.results.report import render_report
from nc_core.results.summary import summary
from nc_core.results.triggers import TriggerArrays
from tests.api.fabricated import compared
from tests.api.results.report.conftest import Make, MakeTriggers, Page, Render, words


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


def test_the_guarded_net_says_what_it_calls_and_for_which_labels_it_speaks(page: Render, make_result: Make) -> None:
    result = make_result(infected={1: 8.2})
    notes = ["It knows the triggers of the labels that are named here."]
    rates = {"clean_flagged_rate": 0.004, "clean_images": 500, "false_positive_rate": 0.01, "notes": notes}
    result["mitigation"]["guard"] = rates
    shown = words(page(result))
    assert "The guarded net It calls 0.4% of 500 held-out clean pictures a backdoored input" in shown
    assert notes[0] in shown


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
