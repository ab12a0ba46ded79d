"""Norms in, verdict out: real norms, planted outcomes, and every reason to be inconclusive."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nc_core.detection import (
    Calibration,
    Detection,
    Evidence,
    LabelNorm,
    StillFlagged,
    detect,
    normal_null,
    robust_log_z,
    statistics_of,
)
from nc_core.detection.library import NullScan
from nc_core.detection.norms import State
from nc_core.detection.stepdown import step_down
from tests.evidence import CONVERGED, NOT_CONVERGED

PIXELS = 1024
LIBRARY = [
    NullScan(
        name=f"{classes}-{at}",
        classes=classes,
        statistics={"price": price, "universality": z, "perturbation": z},
    )
    for classes in (5, 43)
    for at, (price, z) in enumerate(zip(np.linspace(2.2, 3.4, 16), np.linspace(1.0, 2.6, 16), strict=True))
]
"""Clean scans whose smallest price is 3 to 11% of the pixels, and at most 2.6 deviations below that of the others."""
DEAR = 0.05
"""Transferability of a clean label."""


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nc_core.detection.library.library", lambda: tuple(LIBRARY))


def clean(count: int, *, seed: int = 0, spread: float = 0.2) -> list[float]:
    """Norms of clean labels: the quantiles of a normal law around 4% of the pixels, shuffled."""
    uniform = (np.arange(count) + 0.5) / count
    samples = np.sort(np.random.default_rng(1).standard_normal(200_000))
    logs = math.log(0.04 * PIXELS) + spread * np.quantile(samples, uniform)
    return list(np.random.default_rng(seed).permutation(np.exp(logs)))


def scan(
    norms: Sequence[float], *, rate: float | None = 1.0, transfer: Mapping[int, float] | None = None
) -> list[LabelNorm]:
    """transfer: label -> transferability of those where it was measured; few images need half of what all do."""
    return [
        LabelNorm(
            label=label,
            state="done",
            norm=float(norm),
            attack_success_rate=rate,
            evidence=replace(CONVERGED, transferability=(transfer or {}).get(label), few_norm=float(norm) / 2),
        )
        for label, norm in enumerate(norms)
    ]


def judge(
    norms: Sequence[float],
    *,
    rate: float | None = 1.0,
    alpha: float = 0.05,
    transfer: Mapping[int, float] | None = None,
) -> Detection:
    return detect(scan(norms, rate=rate, transfer=transfer), classes=len(norms), pixels=PIXELS, alpha=alpha)


def test_published_norms_of_a_real_badnet(shared: Path) -> None:
    # Given the norms that the author of a GTSRB BadNet published, target label 1, attack rates unknown
    norms = np.load(shared / "models" / "oaramoon_gtsrb_neural_cleanse_triggers.npz")["l1"]
    # When they are judged
    found = judge(norms, rate=None)
    # Then label 1 is flagged alone, by the outlier test, with the paper's index
    assert found.verdict == "backdoored"
    assert found.flagged_labels == (1,)
    assert found.anomaly_index == pytest.approx(3.56, abs=0.005)
    assert sorted(label.anomaly_index or 0 for label in found.labels)[-2] == pytest.approx(1.34, abs=0.005)
    assert found.log_z == pytest.approx(7.03, abs=0.01)
    assert found.p_value < 0.001
    assert found.labels[1].rules == ("outlier",)


@pytest.mark.parametrize(("infected", "share"), [(1, 0.008), (3, 0.008), (12, 0.008), (1, 0.017), (3, 0.017)])
def test_several_infected_labels_do_not_mask_each_other(infected: int, share: float) -> None:
    # Given 43 labels, some infected
    norms = clean(43)
    targets = tuple(range(5, 5 + infected))
    for nth, label in enumerate(targets):
        norms[label] = share * PIXELS * (1 - 0.01 * nth)
    # When they are judged, Then all of them are flagged, and they alone
    found = judge(norms, transfer={**dict.fromkeys(range(43), DEAR), **dict.fromkeys(targets, 0.9)})
    assert found.flagged_labels == targets
    assert found.verdict == "backdoored"


def test_step_down_finds_what_the_first_infected_label_masks() -> None:
    # Given three infected labels; against all 14 labels the third does not stand out
    norms = clean(14, spread=0.2)
    norms[2], norms[7], norms[9] = 5.0, 6.0, 15.0
    together = normal_null(14).p_value(robust_log_z(norms[9], norms), others=0)
    assert together > 0.05
    # When each one found leaves sample and reference, Then the third is found as well
    _, found = step_down(scan(norms, rate=None), alpha=0.05)
    assert found == {2, 7, 9}


@pytest.mark.parametrize("labels", [5, 10, 43])
def test_the_outlier_test_keeps_its_part_of_alpha(labels: int) -> None:
    # Given scans of clean models, When they are judged at alpha = 0.05
    models = 600
    generator = np.random.default_rng(11)
    flagged = 0
    for _ in range(models):
        norms = np.exp(math.log(400.0) + 0.8 * generator.standard_normal(labels))
        flagged += judge(norms.tolist(), rate=0.5).verdict == "backdoored"
    # Then the outlier test, which has four fifths of it, flags about 4% of them: within three standard errors
    assert abs(flagged / models - 0.04) < 3 * 0.008


def test_the_tests_that_can_be_made_share_the_rate() -> None:
    prices = dict.fromkeys(range(100), DEAR)
    assert judge(clean(43)).shares == pytest.approx({"outlier": 0.8, "size": 0.2})
    assert judge(clean(100), transfer=prices).shares == {"outlier": 0.6, "universality": 0.2, "size": 0.2}
    for classes in (5, 43):
        assert judge(clean(classes), transfer=prices).shares == {"outlier": 0.4, "universality": 0.4, "size": 0.2}


def without_masks(norms: Sequence[float], label: int, *, norm: float, margin: float) -> list[LabelNorm]:
    """Labels alike in their norms and prices, one with another perturbation and another margin."""
    return [
        replace(
            one,
            evidence=replace(
                one.evidence or CONVERGED,
                perturbation_norm=norm if one.label == label else 4.0 + 0.02 * (one.label % 7),
                perturbation_rate=0.9,
                margin=margin if one.label == label else 20.0 + 0.2 * (one.label % 5),
            ),
        )
        for one in scan(norms, transfer=dict.fromkeys(range(len(norms)), DEAR))
    ]


def test_a_label_without_a_small_mask_is_flagged_by_a_small_perturbation_and_a_large_margin() -> None:
    # Given 43 labels alike in their masks, one that a third of the others' perturbation reaches, with a larger margin
    labels = without_masks(clean(43), 7, norm=1.3, margin=44.0)
    found = detect(labels, classes=43, pixels=PIXELS)
    # Then it is flagged by that alone, beside the clean scans that come with Cleanse
    assert found.flagged_labels == (7,)
    assert found.labels[7].rules == ("perturbation",)
    assert found.shares == {"outlier": 0.35, "universality": 0.35, "size": 0.1, "perturbation": 0.2}
    (known,) = (one for one in found.evidence if one.name == "perturbation")
    assert (known.label, known.calibration.source, known.calibration.scans) == (7, "library", 16)
    assert known.p_value == found.p_value <= 0.05
    assert any(rule.startswith("Perturbation: how small one is enough for label 7") for rule in found.rules)
    # And a label that is no other than the rest is not
    assert detect(without_masks(clean(43), 7, norm=4.0, margin=20.0), classes=43, pixels=PIXELS).verdict == "clean"


def test_a_scan_that_looked_for_no_perturbation_is_judged_as_before() -> None:
    labels = without_masks(clean(43), 7, norm=1.3, margin=44.0)
    old = [
        replace(one, evidence=replace(one.evidence, perturbation_norm=None, perturbation_rate=None, margin=None))
        for one in labels
        if one.evidence is not None
    ]
    found = detect(old, classes=43, pixels=PIXELS)
    assert found.shares == {"outlier": 0.4, "universality": 0.4, "size": 0.2}
    assert {one.name for one in found.evidence} == {"outlier", "universality"}
    # Of few labels none stands out, so that nothing is asked there
    few = detect(without_masks(clean(5), 2, norm=1.3, margin=44.0), classes=5, pixels=PIXELS)
    assert few.shares == {"outlier": 0.4, "universality": 0.4, "size": 0.2}


def test_clean_norms_are_clean_and_say_what_is_not_covered() -> None:
    found = judge(clean(43))
    assert found.verdict == "clean"
    assert found.flagged_labels == ()
    assert any("all-to-all" in attack for attack in found.not_covered)
    assert found.reference_size == 43


def test_a_price_decides_with_few_labels() -> None:
    # Given five labels, one whose trigger of 0.5% of the pixels works on 90% of the images that it was not made for
    prices = dict.fromkeys(range(5), 0.3)
    found = judge([50.0, 40.0, 5.0, 62.0, 48.0], rate=0.99, transfer={**prices, 2: 0.9})
    # Then it is flagged beside the clean scans that come with Cleanse; no other number could at five labels
    assert found.verdict == "backdoored"
    assert found.flagged_labels == (2,)
    assert "universality" in found.labels[2].rules
    (price,) = (one for one in found.evidence if one.name == "universality")
    assert (price.label, price.calibration.source, price.calibration.scans) == (2, "library", 16)
    assert found.p_value <= price.p_value <= 0.05
    # And where it works on few of them, it is not
    assert judge([50.0, 40.0, 5.0, 62.0, 48.0], rate=0.99, transfer={**prices, 2: 0.04}).verdict == "inconclusive"


@pytest.mark.parametrize(("classes", "least"), [(2, 0.825), (5, 0.72), (43, 0.658)])
def test_of_few_classes_more_must_carry_over_since_more_does_so_by_chance(classes: int, least: float) -> None:
    norms = [*clean(classes - 1), 0.012 * PIXELS]
    for rate, voted in ((least + 0.002, True), (least - 0.002, False)):
        found = judge(norms, transfer={classes - 1: rate})
        assert ("size" in found.labels[-1].rules) == voted


def test_a_trigger_of_a_part_of_the_images_is_universal_though_its_norm_is_large() -> None:
    # Given 43 labels alike in their norms, one with a trigger of few images that works on 90%
    norms = clean(43)
    found = judge(norms, transfer={**dict.fromkeys(range(43), DEAR), 7: 0.9})
    # Then it stands out by its price alone
    assert found.flagged_labels == (7,)
    assert found.labels[7].rules == ("universality",)
    assert min(found.evidence, key=lambda one: one.p_value).name == "universality"


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
    transfer = {**dict.fromkeys(range(43), 0.1), 26: 0.7, 27: 0.76, 28: 0.67}
    found = judge(norms, transfer=transfer)
    # Then the three are flagged and no other, and the rest is told
    assert found.flagged_labels == (26, 27, 28)
    assert found.reference_size == 43
    assert "29 of 43 labels have a small trigger: the model is brittle or carries several, and these lead." in (
        found.reason
    )


@pytest.mark.parametrize("labels", [2, 5])
def test_where_most_labels_would_be_flagged_none_is(labels: int) -> None:
    found = judge([4.0 + 0.1 * label for label in range(labels)], transfer=dict.fromkeys(range(labels), 0.9))
    assert (found.verdict, found.flagged_labels) == ("inconclusive", ())
    assert "labels have a small trigger, so none stands out: the model is brittle." in found.reason


def test_a_strong_outlier_among_few_labels_counts() -> None:
    # Given five labels so alike that a small one passes even the threshold of five labels
    found = judge([50.0, 52.0, 55.0, 57.0, 5.0], rate=0.5)
    assert found.flagged_labels == (4,)
    assert found.labels[4].rules == ("outlier",)


def test_few_clean_labels_are_inconclusive() -> None:
    found = judge(clean(9))
    assert found.verdict == "inconclusive"
    assert "fewer than 10" in found.reason
    assert judge(clean(10)).verdict == "clean"


def unlike(**changed: float | bool) -> Evidence:
    return replace(NOT_CONVERGED, **changed)  # type: ignore[arg-type]


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


def test_candidates_are_judged_against_the_random_reference_alone() -> None:
    # Given 1283 labels: 60 in the reference, 8 candidates chosen for being small, the others screened out
    reference = [
        LabelNorm(label=label, state="done", norm=norm, attack_success_rate=1.0)
        for label, norm in enumerate(clean(60, spread=0.22))
    ]
    candidates = [
        LabelNorm(label=60 + nth, state="done", norm=0.02 * PIXELS, attack_success_rate=1.0, reference=False)
        for nth in range(8)
    ]
    rest = [LabelNorm(label=label, state="screened_out") for label in range(68, 1283)]
    found = detect([*reference, *candidates, *rest], classes=1283, pixels=PIXELS)
    # Then median and MAD are those of the reference, and p counts all labels
    logs = np.log([label.norm for label in reference if label.norm])
    mad = 1.4826 * np.median(np.abs(logs - np.median(logs)))
    assert found.reference_size == 60
    assert found.log_z == pytest.approx((np.median(logs) - math.log(0.02 * PIXELS)) / mad)
    alone = detect([*reference, candidates[0]], classes=61, pixels=PIXELS)
    assert found.p_value > 3 * alone.p_value


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


def test_json_has_the_contracts_keys() -> None:
    told = judge(clean(43)).to_json()
    contract = {
        "verdict",
        "reason",
        "not_covered",
        "flagged_labels",
        "anomaly_index",
        "log_z",
        "p_value",
        "threshold",
    }
    assert contract <= told.keys()
    assert told["labels"][0].keys() == {"label", "anomaly_index", "log_z", "flagged", "rules", "outcome"}
    assert told["threshold"] == 0.05


@pytest.mark.parametrize("alpha", [0.0, -0.1, 0.6])
def test_a_senseless_alpha_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="false positive rate"):
        judge(clean(10), alpha=alpha)


def test_labels_must_differ_and_belong_to_the_model() -> None:
    with pytest.raises(ValueError, match="different labels"):
        detect(scan(clean(3)) + scan(clean(1)), classes=10, pixels=PIXELS)
    with pytest.raises(ValueError, match="3 classes"):
        detect(scan(clean(4)), classes=3, pixels=PIXELS)


def test_a_label_done_without_a_norm_is_refused() -> None:
    with pytest.raises(ValueError, match="label 4 is done"):
        LabelNorm(label=4, state="done", norm=math.inf)


def test_a_repaired_label_is_found_again_only_while_its_norm_is_small() -> None:
    # Given a scan with two infected labels
    norms = clean(43)
    norms[5], norms[6] = 8.0, 9.0
    labels = scan(norms)
    found = judge(norms)
    still = StillFlagged(labels=tuple(labels), flagged=found.flagged_labels, pixels=PIXELS, alpha=0.05)
    # When label 5 is inverted afresh, Then it is found at its old norm and not at a clean one or at none
    assert still(LabelNorm(label=5, state="done", norm=8.5, attack_success_rate=1.0))
    assert not still(LabelNorm(label=5, state="done", norm=40.0, attack_success_rate=1.0))
    assert not still(LabelNorm(label=5, state="not_converged"))
