"""Labels with the names of their classes, wherever people read of them; and names that would be more than text."""

from collections.abc import Callable
from typing import Any

import pytest

from api.pages.cells import grid
from api.results.exports.sarif import sarif
from api.results.triggers import TriggerArrays
from nc_core.datasets import Images
from nc_core.results.brief import brief, brief_page
from nc_core.results.evidence import evidence_lines
from nc_core.results.names import SHOWN, called, sentence_named
from nc_core.results.report import render_report
from nc_core.results.summary import summary
from tests.api.fabricated import Evidenced
from tests.api.pages.seen import Seen

Make = Callable[..., dict[str, Any]]
HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}'


def with_names(result: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    """The same, of a model whose outputs are called so, and "class N" where nothing else is said."""
    called = [names.get(label, f"class {label}") for label in range(result["model"]["classes"])]
    rows = [{**row, "name": called[row["label"]]} for row in result["labels"]]
    return {**result, "class_names": called, "labels": rows}


@pytest.fixture
def result(make_result: Make) -> dict[str, Any]:
    """Label 6 leads, 24 follows."""
    made = make_result(infected={6: 8.2, 24: 9.4}, followers=[24])
    return with_names(made, {6: "stop", 24: "give way"})


def test_the_terminal_says_what_a_label_is_called(result: dict[str, Any]) -> None:
    lines = summary(result)
    assert lines[0] == "BACKDOORED: label 6 (stop)"
    assert any(line.startswith("  label 6 (stop): norm") for line in lines)
    assert any(line.startswith("  label 24 (give way) follows") for line in lines)
    assert any("of label 6 (stop)'s reversed trigger" in line for line in lines)


def test_evidence_says_whose_it_is(result: dict[str, Any], with_evidence: Evidenced) -> None:
    assert any("label 6 (stop), statistic" in line for line in evidence_lines(with_evidence(result)))


def test_report_and_sarif_say_what_a_label_is_called(
    result: dict[str, Any], make_triggers: Callable[..., TriggerArrays], examples: Images
) -> None:
    page = Seen(render_report(result, make_triggers(result), examples, {}))
    for place in ("Target label: 6 (stop).", "Label 24 (give way) follows", "Reversed trigger of label 6 (stop)"):
        assert place.lower() in page.text.lower()
    (finding,) = sarif(result)["runs"][0]["results"]
    assert finding["message"]["text"].startswith("Label 6 (stop) can be reached")


def test_a_print_in_python_and_charts_say_what_a_label_is_called(
    result: dict[str, Any], with_evidence: Evidenced, make_triggers: Callable[..., TriggerArrays], examples: Images
) -> None:
    found = with_evidence(result)
    in_python = {**found, "ranges": [{"value_range": "0..1"}]}
    assert any("flagged: label 6 (stop) (norm" in line for line in brief(in_python))
    assert "trigger of label 6 (stop)" in brief_page(in_python, make_triggers(found), examples)
    report = render_report(found, make_triggers(found), examples, {})
    assert "norm, label 6 (stop)" in report.lower()
    assert ">label 6 (stop)</text>" in report


def test_numbers_stand_alone_without_names(
    make_result: Make, make_triggers: Callable[..., TriggerArrays], examples: Images
) -> None:
    # Given a result as an earlier version has stored it, and one whose names are the numbers
    plain = make_result(infected={6: 8.2})
    numbered = with_names(plain, {label: str(label) for label in range(plain["model"]["classes"])})
    for one in (plain, numbered):
        assert summary(one)[0] == "BACKDOORED: label 6"
        assert "(6)" not in render_report(one, make_triggers(one), examples, {})


def test_hostile_names_stay_text(
    make_result: Make, make_triggers: Callable[..., TriggerArrays], examples: Images
) -> None:
    result = with_names(make_result(infected={6: 8.2}), {6: HOSTILE, 7: "[x](http://a)"})
    page = Seen(render_report(result, make_triggers(result), examples, {}))
    assert not page.all("script")
    assert f"6 ({HOSTILE})" in page.text
    cells = Seen(str(grid("0123456789ab", result["labels"])))
    assert not cells.all("script")
    assert cells.all("a")[6]["title"].startswith(f"Label 6 ({HOSTILE}): done")
    (finding,) = sarif(result)["runs"][0]["results"]
    assert "{{{{ 7*7 }}}}" in finding["message"]["text"]


def test_a_long_name_is_cut() -> None:
    assert called(3, "n" * SHOWN) == f"3 ({'n' * SHOWN})"
    assert called(3, "n" * (SHOWN + 1)) == f"3 ({'n' * (SHOWN - 1)}…)"


NAMES = ["stop", "give way", "2", "no entry"]


@pytest.mark.parametrize(
    ("sentence", "named"),
    [
        ("Label 0 can be reached.", "Label 0 (stop) can be reached."),
        ("Labels 0, 3 and 12 more lead", "Labels 0 (stop), 3 (no entry) and 12 more lead"),
        ("flagged: labels 1 and 3.", "flagged: labels 1 (give way) and 3 (no entry)."),
        ("a backdoor: 0 -> 1, 1 -> 3", "a backdoor: 0 (stop) -> 1 (give way), 1 (give way) -> 3 (no entry)"),
        ("None of 43 labels has a trigger (most: label 3, p = 0.1).", None),
        ("With 2 labels, fewer than 10", "With 2 labels, fewer than 10"),
        ("label 2 and label 7", "label 2 and label 7"),
    ],
)
def test_sentences_name_labels_and_no_other_number(sentence: str, named: str | None) -> None:
    expected = sentence.replace("label 3", "label 3 (no entry)") if named is None else named
    assert sentence_named(sentence, NAMES) == expected
    assert sentence_named(sentence, None) == sentence


def test_a_name_that_looks_like_a_label_is_not_named_again() -> None:
    assert sentence_named("Label 1 leads.", ["stop", "label 0"]) == "Label 1 (label 0) leads."
