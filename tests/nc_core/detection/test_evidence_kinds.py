"""What each kind of evidence flags, beside the clean scans that it is held against."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from nc_core.detection import Calibration, Detection, LabelNorm, detect, statistics_of
from tests.evidence import CONVERGED
from tests.nc_core.detection.norms import DEAR, PIXELS, clean, judge, scan, without_masks

pytestmark = pytest.mark.usefixtures("shipped")


def test_the_tests_that_can_be_made_share_the_rate() -> None:
    prices = dict.fromkeys(range(100), DEAR)
    assert judge(clean(43)).shares == pytest.approx({"outlier": 0.8, "size": 0.2})
    assert judge(clean(100), transfer=prices).shares == {"outlier": 0.6, "universality": 0.2, "size": 0.2}
    many = {"outlier": 0.15, "together": 0.5, "universality": 0.3, "size": 0.05}
    assert judge(clean(43), transfer=prices).shares == many
    assert judge(clean(5), transfer=prices).shares == {"outlier": 0.2, "together": 0.7, "size": 0.1}


def test_a_label_without_a_small_mask_is_flagged_by_a_small_perturbation_and_a_large_margin() -> None:
    # Given 43 labels alike in their masks, one that a third of the others' perturbation reaches, with a larger margin
    labels = without_masks(clean(43), 7, norm=1.3, margin=44.0)
    found = detect(labels, classes=43, pixels=PIXELS)
    # Then it is flagged by that alone, beside the clean scans that come with Cleanse
    assert found.flagged_labels == (7,)
    assert found.labels[7].rules == ("together",)
    (known,) = (one for one in found.evidence if one.name == "together")
    assert (known.label, known.calibration.source, known.calibration.scans) == (7, "library", 16)
    assert known.p_value == found.p_value <= 0.05
    assert any(rule.startswith("Together: label 7 lies farthest from clean nets") for rule in found.rules)
    # And a label that is no other than the rest is not
    assert detect(without_masks(clean(43), 7, norm=4.0, margin=20.0), classes=43, pixels=PIXELS).verdict == "clean"


def test_without_a_perturbation_the_rest_is_judged() -> None:
    labels = without_masks(clean(43), 7, norm=1.3, margin=44.0)
    old = [
        replace(one, evidence=replace(one.evidence, perturbation_norm=None, perturbation_rate=None, margin=None))
        for one in labels
        if one.evidence is not None
    ]
    found = detect(old, classes=43, pixels=PIXELS)
    assert (found.verdict, {one.name for one in found.evidence}) == ("clean", {"outlier", "together", "universality"})
    # Of few labels none stands out by its perturbation, so that it is not asked there
    few = detect(without_masks(clean(5), 2, norm=1.3, margin=44.0), classes=5, pixels=PIXELS)
    assert few.flagged_labels == ()


def test_where_no_perturbation_reaches_most_labels_the_rest_is_judged() -> None:
    # Given a net on which a perturbation was looked for, and more than was tried is needed for most labels
    labels = [
        replace(one, evidence=replace(one.evidence, perturbation_norm=None)) if one.label % 9 else one
        for one in without_masks(clean(43), 9, norm=4.0, margin=20.0)
        if one.evidence is not None
    ]
    # When the triggers of few images for one label are worth far more than others'
    far = [
        replace(one, evidence=replace(one.evidence, transferability=0.95, few_norm=one.norm)) if one.label == 9 else one
        for one in labels
        if one.evidence is not None
    ]
    # Then that is judged beside the clean scans, as if none had been looked for
    assert "together" in {one.name for one in detect(labels, classes=43, pixels=PIXELS).evidence}
    assert "together" in detect(far, classes=43, pixels=PIXELS).labels[9].rules


def test_what_few_images_need_decides_with_few_labels() -> None:
    # Given five labels, one whose trigger for few images works on 90% of the images that it was not made for
    others = dict.fromkeys(range(5), 0.05)
    found = judge([50.0, 40.0, 5.0, 62.0, 48.0], rate=0.99, transfer={**others, 2: 0.9})
    # Then it is flagged beside the clean scans that come with Cleanse; no other number could at five labels
    assert found.verdict == "backdoored"
    assert found.flagged_labels == (2,)
    assert found.labels[2].rules == ("together",)
    (one,) = (one for one in found.evidence if one.name == "together")
    assert (one.label, one.calibration.source, one.calibration.scans) == (2, "library", 16)
    assert found.p_value == one.p_value <= 0.05
    # And where it works on few of them, or on as many as those of the others do, it is not
    for transfer in ({**others, 2: 0.06}, dict.fromkeys(range(5), 0.9)):
        assert judge([50.0, 40.0, 5.0, 62.0, 48.0], rate=0.99, transfer=transfer).verdict == "inconclusive"


@pytest.mark.parametrize(("scanned", "asked"), [(3, False), (7, False), (8, True), (43, True)])
def test_a_scan_of_a_few_labels_of_many_is_not_held_against_clean_scans_of_all(scanned: int, asked: bool) -> None:
    labels = scan(clean(scanned), transfer=dict.fromkeys(range(scanned), DEAR))
    found = detect(labels, classes=43, pixels=PIXELS)
    assert ("together" in found.shares) == asked
    # So a small trigger that carries over is one by the size rule, where hardly any other label was looked at
    small = scan([*clean(scanned - 1), 6.0], transfer={**dict.fromkeys(range(scanned), DEAR), scanned - 1: 0.9})
    rules = detect(small, classes=43, pixels=PIXELS).labels[-1].rules
    assert rules
    assert ("size" in rules) != asked


def test_a_scan_of_smaller_triggers_all_over_is_judged_alike() -> None:
    # Given the same labels on a picture with a hundred times the pixels
    def found(pixels: int) -> Detection:
        norms = [50.0, 40.0, 15.0, 62.0, 48.0, 55.0, 43.0, 51.0, 58.0, 47.0]
        labels = scan(norms, transfer={**dict.fromkeys(range(10), DEAR), 2: 0.3})
        return detect(labels, classes=10, pixels=pixels)

    # Then what they are judged by knows no scale
    assert found(PIXELS).evidence == found(100 * PIXELS).evidence


@pytest.mark.parametrize(("classes", "least"), [(10, 0.685), (43, 0.658)])
def test_the_size_rule_judges_what_nothing_else_can(classes: int, least: float) -> None:
    def rules(label: LabelNorm) -> tuple[str, ...]:
        return detect([label], classes=classes, pixels=PIXELS).labels[0].rules

    # Given one label alone, small, then it votes where what few images need works on most others
    for rate, voted in ((least + 0.002, True), (least - 0.002, False)):
        (alone,) = scan([0.012 * PIXELS], transfer={0: rate})
        assert ("size" in rules(alone)) == voted
    # And beside others that were looked at it does not: there all evidence is one test
    everyone = scan([*clean(classes - 1), 0.012 * PIXELS], transfer=dict.fromkeys(range(classes), 0.8))
    assert detect(everyone, classes=classes, pixels=PIXELS).labels[-1].rules != ("size",)


def test_of_two_or_three_classes_none_stands_out_beside_the_others() -> None:
    # Given labels of which one is worth much and the other nothing, as it is with clean nets, too
    for classes in (2, 3):
        found = judge(clean(classes), transfer={**dict.fromkeys(range(classes), 0.02), 0: 0.9})
        assert (found.verdict, [one.name for one in found.evidence]) == ("inconclusive", ["outlier"])
        assert "pass --twins 19" in found.reason


@pytest.mark.parametrize("classes", [2, 5])
def test_of_few_classes_a_small_trigger_is_no_backdoor_by_itself(classes: int) -> None:
    # Given a label with a natural trigger, beside which no other could be measured
    norms = [*clean(classes - 1), 0.012 * PIXELS]
    found = judge(norms, transfer={classes - 1: 0.97})
    assert (found.verdict, found.flagged_labels) == ("inconclusive", ())
    assert "has a small trigger, 1.2% of the pixels" in found.reason


def test_a_trigger_of_a_part_of_the_images_is_found_by_its_price() -> None:
    # Given 43 labels alike in their norms, one with a trigger for few images that is small and works on 90% of others,
    # though what all images need is a large mask
    labels = scan(clean(43), transfer={**dict.fromkeys(range(43), 0.2), 7: 0.9})
    small = replace(labels[7], evidence=replace(labels[7].evidence or CONVERGED, few_norm=4.0))
    found = detect([*labels[:7], small, *labels[8:]], classes=43, pixels=PIXELS)
    # Then its price stands out, and its worth to all does not
    assert found.flagged_labels == (7,)
    assert found.labels[7].rules == ("universality",)
    (one,) = (one for one in found.evidence if one.name == "universality")
    assert (one.label, one.calibration.source, one.calibration.scans) == (7, "library", 16)


def test_beyond_the_library_the_normal_law_judges_and_that_is_said() -> None:
    norms = clean(100)
    found = judge(norms, transfer=dict.fromkeys(range(100), DEAR))
    by_name = {one.name: one.calibration.source for one in found.evidence}
    assert by_name == {"outlier": "none", "universality": "none"}
    assert any("by the normal law" in rule for rule in found.rules)


def test_enough_clean_scans_of_the_same_cell_decide_alone() -> None:
    # Given nets of three labels, 19 of them clean
    def net(seed: int, smallest: float = 40.0) -> list[LabelNorm]:
        generator = np.random.default_rng(seed)
        norms = [smallest, 60.0, 70.0] * np.exp(0.1 * generator.standard_normal(3))
        return scan(norms, transfer=dict.fromkeys(range(3), 0.3))

    twins = tuple(statistics_of(net(seed), pixels=PIXELS) for seed in range(1, 20))
    calibration = Calibration(source="twins", scans=twins)

    def beside(labels: list[LabelNorm], scans: Calibration = calibration) -> Detection:
        return detect(labels, classes=3, pixels=PIXELS, calibration=scans)

    # When a net with a label of a tenth of the size is judged beside them, Then it is flagged
    found = beside(net(50, smallest=4.0))
    assert (found.verdict, found.flagged_labels, found.p_value) == ("backdoored", (0,), 0.05)
    assert "size" in found.labels[0].rules
    assert {one.calibration.source for one in found.evidence} == {"twins"}
    assert len(found.evidence[0].null) == 19
    # And one like them is clean, though it has fewer labels than an outlier test needs
    assert beside(net(51)).verdict == "clean"
    # But 18 of them are too few for a rate of 5%
    few = beside(net(51), replace(calibration, scans=twins[:18]))
    assert few.verdict == "inconclusive"
    assert "pass --twins 19" in few.reason


def test_of_two_classes_that_are_both_unlike_clean_scans_the_farther_one_leads() -> None:
    # Given nets of two labels, 19 of them clean
    def net(seed: int, norms: Sequence[float]) -> list[LabelNorm]:
        noise = np.exp(0.1 * np.random.default_rng(seed).standard_normal(2))
        return scan(norms * noise, transfer=dict.fromkeys(range(2), 0.3))

    twins = tuple(statistics_of(net(seed, [40.0, 60.0]), pixels=PIXELS) for seed in range(1, 20))
    calibration = Calibration(source="twins", scans=twins)
    # When a planted trigger of label 1 has made the way to label 0 shorter as well
    found = detect(net(50, [16.0, 4.0]), classes=2, pixels=PIXELS, calibration=calibration)
    # Then the model is abnormal, and label 1 leads
    assert (found.verdict, found.flagged_labels, found.p_value) == ("backdoored", (1,), 0.05)


@pytest.mark.parametrize(("transfer", "told"), [({2: 0.05}, "works on 5% of others"), ({}, "too few images")])
def test_a_small_trigger_alone_flags_nothing_and_is_told(transfer: dict[int, float], told: str) -> None:
    # Given a label with a small trigger, which what few images need does not bear out, or that could not be measured
    found = judge([50.0, 30.0, 5.0, 95.0, 18.0], transfer=transfer)
    assert (found.verdict, found.flagged_labels) == ("inconclusive", ())
    assert found.reason.startswith("Label 2 has a small trigger, 0.5% of the pixels")
    assert told in found.reason
    assert "--twins 19 can tell" in found.reason


def test_of_a_brittle_net_those_that_carry_over_lead() -> None:
    # Given a brittle net: 29 of 43 labels small, three of them universal
    norms = [*np.linspace(5.0, 15.0, 26), 1.8, 2.0, 3.3, *np.linspace(16.0, 40.0, 14)]
    transfer = {**dict.fromkeys(range(43), 0.1), 26: 0.9, 27: 0.95, 28: 0.9}
    found = judge(norms, transfer=transfer)
    # Then the three are flagged and no other, and the rest is told
    assert found.flagged_labels == (26, 27, 28)
    assert found.reference_size == 43
    assert "29 of 43 labels have a small trigger: the model is brittle or carries several, and these lead." in (
        found.reason
    )


def test_scans_of_another_detector_are_held_against_none_of_those_that_come_with_cleanse() -> None:
    # Given labels of which one is unlike all labels of clean nets
    labels = without_masks(clean(43), 7, norm=1.3, margin=44.0)
    assert detect(labels, classes=43, pixels=PIXELS).flagged_labels == (7,)
    # When another detector than that of these scans has measured them
    found = detect(labels, classes=43, pixels=PIXELS, detector="gangsweep")
    # Then nothing is said of how they lie beside clean nets
    assert {one.calibration.source for one in found.evidence} == {"none"}
    assert (found.verdict, found.shares) == ("clean", {"outlier": 0.6, "universality": 0.2, "size": 0.2})
