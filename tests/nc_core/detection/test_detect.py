"""Norms in, verdict out: real norms and planted outcomes."""

import math
from pathlib import Path

import numpy as np
import pytest

from nc_core.detection import LabelNorm, StillFlagged, detect, normal_null, robust_log_z
from nc_core.detection.stepdown import step_down
from tests.nc_core.detection.norms import DEAR, PIXELS, clean, judge, scan

pytestmark = pytest.mark.usefixtures("shipped")


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


def test_clean_norms_are_clean_and_say_what_is_not_covered() -> None:
    found = judge(clean(43))
    assert found.verdict == "clean"
    assert found.flagged_labels == ()
    assert any("all-to-all" in attack for attack in found.not_covered)
    assert found.reference_size == 43


def test_a_strong_outlier_among_few_labels_counts() -> None:
    # Given five labels so alike that a small one passes even the threshold of five labels
    found = judge([50.0, 52.0, 55.0, 57.0, 5.0], rate=0.5)
    assert found.flagged_labels == (4,)
    assert found.labels[4].rules == ("outlier",)


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
