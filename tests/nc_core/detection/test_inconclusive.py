"""Every reason to leave a verdict open."""

import json
import math
from dataclasses import replace

import pytest

from nc_core.detection import Evidence, LabelNorm, detect
from nc_core.detection.norms import State
from tests.evidence import NOT_CONVERGED
from tests.nc_core.detection.norms import PIXELS, clean, judge, scan, unlike

pytestmark = pytest.mark.usefixtures("shipped")


def test_where_most_labels_would_be_flagged_none_is() -> None:
    # Given far more labels than any clean scan has, all with a small trigger that carries over
    found = judge([4.0 + 0.1 * label for label in range(100)], transfer=dict.fromkeys(range(100), 0.9))
    assert (found.verdict, found.flagged_labels) == ("inconclusive", ())
    assert "labels have a small trigger, so none stands out: the model is brittle." in found.reason


def test_few_clean_labels_are_inconclusive() -> None:
    found = judge(clean(9))
    assert found.verdict == "inconclusive"
    assert "fewer than 10" in found.reason
    assert judge(clean(10)).verdict == "clean"


@pytest.mark.parametrize("state", ["not_converged", "failed"])
def test_one_label_without_an_outcome_is_inconclusive_and_named(state: State) -> None:
    # Given a scan with one label that ended without one
    labels = scan(clean(43))
    labels[6] = LabelNorm(label=6, state=state, norm=3.0, reason="its worker died" if state == "failed" else None)
    # When it is judged, then the first words are about that label
    found = detect(labels, classes=43, pixels=PIXELS)
    assert found.verdict == "inconclusive"
    assert found.reason.startswith("Label 6 has no outcome")
    assert found.labels[6].anomaly_index is None
    assert [label.label for label in found.labels if not label.outcome] == [6]


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (NOT_CONVERGED, None),
        (unlike(attack_rate=0.99, cost=0.0), None),
        (unlike(attack_rate=0.9, cost=1e-5), None),
        (unlike(attack_rate=0.99, highest_rate=0.99, cost=1e-5), "came close"),
        (unlike(exhausted=False), "before its budget"),
        (unlike(attack_rate=0.01, highest_rate=0.02), "never rose"),
        (unlike(mask_share=0.02), "2.0% of the pixels"),
        (unlike(blind=0.4), "40% of the images that it missed had no gradient"),
        (unlike(broken=0.02), "2% of its images had a loss or a gradient that is no number"),
    ],
)
def test_not_converged_is_an_outcome_where_the_numbers_say_at_least_this_large(
    evidence: Evidence, reason: str | None
) -> None:
    # Given a label that did not converge, and the numbers that it ended with
    labels = scan(clean(43))
    labels[3] = LabelNorm(label=3, state="not_converged", norm=2.0, attack_success_rate=1.0, evidence=evidence)
    found = detect(labels, classes=43, pixels=PIXELS)
    # Then it counts in the reference, on the large side, and is never small
    assert found.reference_size == 43
    assert found.flagged_labels == ()
    # And the verdict is clean where they bear it out, else they say why it is not
    assert (found.verdict, found.labels[3].outcome) == (("clean", True) if reason is None else ("inconclusive", False))
    assert reason is None or reason in found.reason
    assert labels[3].evidence == Evidence.from_json(json.loads(json.dumps(evidence.to_json())))


@pytest.mark.parametrize("state", ["done", "screened_out"])
def test_what_was_optimised_blindly_is_no_outcome_but_may_be_a_finding(state: State) -> None:
    labels = scan(clean(43))
    labels[3] = replace(labels[3], state=state, evidence=unlike(blind=1.0))
    found = detect(labels, classes=43, pixels=PIXELS)
    assert (found.verdict, found.labels[3].outcome) == ("inconclusive", False)
    # Given that a trigger was found all the same, then it counts, and what hid it is said
    labels[3] = LabelNorm(label=3, state="done", norm=3.0, attack_success_rate=1.0, evidence=unlike(broken=0.9))
    found = detect(labels, classes=43, pixels=PIXELS)
    assert (found.flagged_labels, found.labels[3].outcome) == ((3,), True)
    assert "90% of its images had a loss or a gradient that is no number" in found.reason


def test_a_finding_says_which_labels_were_not_seen() -> None:
    labels = scan(clean(43))
    labels[3] = LabelNorm(label=3, state="done", norm=3.0, attack_success_rate=1.0)
    labels[4:6] = [LabelNorm(label=label, state="failed") for label in (4, 5)]
    found = detect(labels, classes=43, pixels=PIXELS)
    assert found.verdict == "backdoored"
    assert "Labels 4, 5 have no outcome" in found.reason


def test_labels_left_out_make_silence_inconclusive_but_not_a_finding() -> None:
    labels = scan(clean(42))
    assert detect(labels, classes=43, pixels=PIXELS).verdict == "inconclusive"
    labels[8] = LabelNorm(label=8, state="done", norm=3.0, attack_success_rate=1.0)
    assert detect(labels, classes=43, pixels=PIXELS).verdict == "backdoored"


def test_cancelled_labels_were_left_out() -> None:
    # Given a scan that was ended before its last label
    labels = scan(clean(43))
    labels[42] = LabelNorm(label=42, state="cancelled")
    found = detect(labels, classes=43, pixels=PIXELS)
    # Then silence about the others is no clean verdict
    assert (found.verdict, found.reason[:28]) == ("inconclusive", "42 of 43 labels were scanned")
    # but a finding counts, and says what is missing
    labels[8] = LabelNorm(label=8, state="done", norm=3.0, attack_success_rate=1.0)
    found = detect(labels, classes=43, pixels=PIXELS)
    assert (found.verdict, found.flagged_labels) == ("backdoored", (8,))
    assert "1 of 43 labels were not looked at" in found.reason


def test_p_between_alpha_and_twice_alpha_is_inconclusive() -> None:
    # Given norms with a p-value p
    norms = clean(43)
    norms[0] = 0.019 * PIXELS
    p = judge(norms, alpha=0.5).p_value
    assert 0.0001 < p < 0.2
    # Then alpha decides: above p flagged, from p / 2 to p inconclusive, below clean
    assert judge(norms, alpha=p * 1.01).verdict == "backdoored"
    assert judge(norms, alpha=p * 0.99).verdict == "inconclusive"
    assert judge(norms, alpha=p * 0.51).verdict == "inconclusive"
    assert judge(norms, alpha=p * 0.49).verdict == "clean"


def test_degenerate_norms_give_finite_numbers() -> None:
    cases = [[30.0] * 12, [30.0] * 11 + [3.0], [0.0] * 12, [0.0, *clean(11)], clean(1), clean(2), clean(3)]
    for norms in cases:
        told = json.loads(json.dumps(judge(norms).to_json(), allow_nan=False))
        assert math.isfinite(told["anomaly_index"])
    assert judge([30.0] * 12).verdict == "clean"
    assert judge([30.0] * 4 + [29.0]).flagged_labels == ()


@pytest.mark.parametrize("state", ["failed", "cancelled", "not_converged", "screened_out"])
def test_no_norm_at_all_is_inconclusive(state: State) -> None:
    labels = [LabelNorm(label=label, state=state) for label in range(43)]
    found = detect(labels, classes=43, pixels=PIXELS)
    assert found.verdict == "inconclusive"
    assert found.p_value == 1.0


def test_of_one_label_nobody_says_that_it_stands_out_over_none() -> None:
    alone = [LabelNorm(label=0, state="done", norm=9.0, attack_success_rate=1.0, reference=False)]
    (told, *_) = detect(alone, classes=1, pixels=PIXELS).rules
    assert "no other label that label 0 could be held against" in told
