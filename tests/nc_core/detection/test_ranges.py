"""One verdict over several value ranges."""

from dataclasses import replace

import numpy as np
import pytest

from nc_core.detection import (
    CalibrationUsed,
    Detection,
    LabelNorm,
    ModelEvidence,
    ScannedRange,
    combine,
    detect,
    share_of,
)

CLASSES, ALPHA = 20, 0.05
CLEAN = np.exp(np.random.default_rng(0).normal(4.0, 0.3, CLASSES))
NAMES = ("0..1", "0..255", "standardize")


def judged(*, small: int | None = None, failed: int = 0, ranges: int = 2) -> Detection:
    """A clean range; one with a tiny label; one in which so many labels have failed."""
    labels = [
        LabelNorm(label=label, state="done", norm=2.0 if label == small else float(norm), attack_success_rate=0.99)
        if label >= failed
        else LabelNorm(label=label, state="failed")
        for label, norm in enumerate(CLEAN)
    ]
    return detect(labels, classes=CLASSES, pixels=1024, alpha=share_of(ALPHA, ranges))


def over(*found: Detection, labelled: bool = True, doubts: tuple[str, ...] = ()) -> Detection:
    scanned = [
        ScannedRange(
            value_range=NAMES[nth],
            scale=(1.0,),
            offset=(0.0,),
            score=0.99,
            clean_accuracy=0.98 if labelled else None,
            first_round=nth * 10_000,
            detection=one,
        )
        for nth, one in enumerate(found)
    ]
    return combine(scanned, alpha=ALPHA, labelled=labelled, doubts=doubts)


def test_one_range_is_judged_as_it_was_before() -> None:
    one = judged(ranges=1)
    both = over(one)
    assert (both.verdict, both.reason, both.p_value, both.rules) == ("clean", one.reason, one.p_value, one.rules)
    assert both.range_threshold == both.threshold == ALPHA
    assert [entry.value_range for entry in both.ranges] == ["0..1"]


def test_clean_in_each_range_is_clean_and_says_in_which() -> None:
    found = over(judged(), judged())
    assert found.verdict == "clean"
    assert "Scanned in 0..1 and 0..255, which the images cannot tell apart: clean in each." in found.reason


@pytest.mark.parametrize("position", [0, 1])
def test_a_backdoor_in_a_range_that_labels_support_is_one_of_the_model(position: int) -> None:
    scans = [judged(), judged()]
    scans[position] = judged(small=6)
    found = over(*scans)
    # Then the verdict, labels and indices are those of that range, which is named with what the other says
    assert (found.verdict, found.flagged_labels, found.range) == ("backdoored", (6,), position)
    assert f"in the value range {NAMES[position]}" in found.reason
    assert f"In {NAMES[1 - position]} no label is flagged." in found.reason
    assert found.labels == scans[position].labels


def test_without_labels_ranges_that_disagree_leave_it_open() -> None:
    found = over(judged(), judged(small=6), labelled=False)
    assert (found.verdict, found.flagged_labels, found.range) == ("inconclusive", (6,), 1)
    assert "ambiguous and the scans disagree: in 0..255, label 6 can be reached" in found.reason
    assert "In 0..1 no label is flagged." in found.reason
    assert "--value-range" in found.reason


def test_without_labels_ranges_that_agree_are_no_doubt() -> None:
    assert over(judged(small=6), judged(small=6), labelled=False).verdict == "backdoored"
    assert over(judged(), judged(), labelled=False).verdict == "clean"


@pytest.mark.parametrize("labelled", [True, False])
def test_a_range_without_a_verdict_makes_no_clean_one(labelled: bool) -> None:
    found = over(judged(), judged(failed=10), labelled=labelled)
    assert (found.verdict, found.range) == ("inconclusive", 1)
    assert "have no outcome" in found.reason
    assert "0..255" in found.reason


def test_all_ranges_together_keep_the_stated_error_rate() -> None:
    # Given a label that one range alone would flag at the whole rate and not at its share of it
    norms = CLEAN.copy()
    norms[3] = 19.0
    labels = [
        LabelNorm(label=label, state="done", norm=float(norm), attack_success_rate=0.99)
        for label, norm in enumerate(norms)
    ]
    alone = detect(labels, classes=CLASSES, pixels=1024, alpha=ALPHA)
    shared = detect(labels, classes=CLASSES, pixels=1024, alpha=share_of(ALPHA, 2))
    assert share_of(ALPHA, 2) < alone.p_value <= ALPHA
    assert alone.verdict == "backdoored"
    # Then over two ranges it is a borderline case, with a p-value that says so beside the stated limit
    found = over(shared, judged())
    assert found.verdict == "inconclusive"
    assert found.threshold == ALPHA < found.p_value == 2 * shared.p_value
    assert any("each with a limit of 0.025" in rule for rule in found.rules)
    assert found.range_threshold == 0.025


@pytest.mark.parametrize("ranges", [1, 2, 3])
@pytest.mark.parametrize("position", [0, -1])
def test_more_ranges_make_no_model_clean_that_one_of_them_leaves_open(ranges: int, position: int) -> None:
    # Given a range whose p-value leaves the verdict open where it is the only one
    norms = CLEAN.copy()
    norms[3] = 20.5
    labels = [
        LabelNorm(label=label, state="done", norm=float(norm), attack_success_rate=0.99)
        for label, norm in enumerate(norms)
    ]
    near = detect(labels, classes=CLASSES, pixels=1024, alpha=share_of(ALPHA, ranges))
    assert ALPHA < near.p_value <= 2 * ALPHA
    scans = [judged(ranges=ranges) for _ in range(ranges)]
    scans[position] = near
    found = over(*scans)
    # Then others beside it, which are clean, do not make it so; and it is the one that is looked at
    assert found.verdict == "inconclusive"
    assert found.range == position % ranges
    assert found.p_value == ranges * near.p_value
    # And the label that leaves it open is repaired
    assert (found.flagged_labels, found.to_repair) == ((), (3,))
    assert ranges == 1 or "--value-range" in found.reason


def test_of_clean_ranges_the_model_has_the_least_p_value() -> None:
    first, second = (replace(judged(), p_value=p) for p in (0.9, 0.3))
    found = over(first, second)
    assert (found.verdict, found.range, found.p_value) == ("clean", 1, 0.6)
    assert found.to_repair == ()


@pytest.mark.parametrize("ranges", [1, 2])
def test_a_doubt_keeps_a_clean_verdict_back_and_stands_beside_the_others(ranges: int) -> None:
    doubt = "clean accuracy in 0..1 is only 0.600"
    clean = over(*[judged(ranges=ranges)] * ranges, doubts=(doubt,))
    assert clean.verdict == "inconclusive"
    assert clean.reason == f"No label is flagged, but {doubt}."
    backdoored = over(*[judged(small=6, ranges=ranges)] * ranges, doubts=(doubt,))
    assert (backdoored.verdict, backdoored.doubts) == ("backdoored", (doubt,))


def test_it_is_stored_as_plain_json() -> None:
    body = over(judged(), judged(small=6)).to_json()
    assert body["range"] == 1
    assert [(entry["value_range"], entry["verdict"], entry["flagged_labels"]) for entry in body["ranges"]] == [
        ("0..1", "clean", []),
        ("0..255", "backdoored", [6]),
    ]


def test_each_range_keeps_its_own_evidence_and_the_model_that_of_the_one_it_rests_on() -> None:
    def told(statistic: float) -> tuple[ModelEvidence, ...]:
        used = CalibrationUsed(source="library", scans=3)
        return (
            ModelEvidence(name="outlier", statistic=statistic, p_value=0.2, calibration=used, label=1, null=(1.0,)),
        )

    found = over(replace(judged(), evidence=told(1.5)), replace(judged(small=3), evidence=told(6.0)))
    assert found.evidence == told(6.0)
    written = found.to_json()
    assert [one["evidence"][0]["statistic"] for one in written["ranges"]] == [1.5, 6.0]
    assert written["evidence"] == [
        {
            "name": "outlier",
            "statistic": 6.0,
            "p_value": 0.2,
            "calibration": {"source": "library", "scans": 3},
            "label": 1,
            "null": [1.0],
        }
    ]
