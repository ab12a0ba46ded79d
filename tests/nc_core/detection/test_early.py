"""Labels that stand out after the first few steps, whatever their norms come to."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from nc_core.detection import LabelNorm, detect
from nc_core.detection.early import LEAST_LABELS, PART, early_steps, early_z
from nc_core.detection.judge import EARLY_BEYOND_LIBRARY
from nc_core.inversion.slots import Trajectory
from nc_core.profiles import ALL_PROFILES, SCREENING_STEPS
from tests.evidence import CONVERGED

LABELS = 400
Norms = npt.NDArray[np.float64]


def masks(seed: int = 0, labels: int = LABELS) -> Norms:
    """Of clean labels after the first round, in pixels."""
    return np.exp(np.random.default_rng(seed).normal(6.8, 0.2, labels))


def screened(norms: Norms, *, done: int = 60) -> list[LabelNorm]:
    """A scan of so many labels, of which the first went on to the end; these came to ordinary norms."""
    clean = np.exp(np.random.default_rng(9).normal(5.0, 0.3, len(norms)))
    return [
        LabelNorm(
            label=label,
            state="done" if label < done else "screened_out",
            norm=float(clean[label]) if label < done else None,
            attack_success_rate=0.99 if label < done else None,
            reference=5 <= label < done,
            evidence=replace(CONVERGED, few_norm=float(clean[label]), transferability=0.1) if label < done else None,
            screened_norm=float(norm),
        )
        for label, norm in enumerate(norms)
    ]


def plainly(norms: Norms, label: int) -> float:
    """The chance that any of so many labels lies so low: the smallest tenth of the others goes on exponentially."""
    logs = sorted(-math.log(norm) for number, norm in enumerate(norms) if number != label)
    count = math.ceil(0.1 * len(logs))
    start, tail = logs[-count - 1], logs[-count:]
    mean = sum(tail) / count - start
    beyond = (-math.log(norms[label]) - start) / (count * mean)
    return min(1.0, len(norms) * (count + 1) / len(norms) * (1 + beyond) ** -count)


def test_the_p_value_is_that_of_an_exponential_tail_of_the_others() -> None:
    norms = masks()
    norms[3] = 380.0
    (first, *_), _ = early_steps(screened(norms), alpha=1e-9, share=0.5)
    assert PART == 0.1
    assert first.label == 3
    assert first.p_value == pytest.approx(plainly(norms, 3) / 0.5)
    assert 0.0 < first.p_value < 1.0


def test_a_label_that_is_found_at_once_is_flagged_though_its_norm_is_no_outlier() -> None:
    # Given a label whose mask was a third of the others' after the first round, and came to the size of theirs
    norms = masks()
    norms[3] = 230.0
    found = detect(screened(norms), classes=LABELS, pixels=2585)
    assert (found.verdict, found.flagged_labels) == ("backdoored", (3,))
    assert next(one.rules for one in found.labels if one.label == 3) == ("early",)
    assert found.shares["early"] == EARLY_BEYOND_LIBRARY
    assert sum(found.shares.values()) == pytest.approx(1.0)
    told = next(rule for rule in found.rules if rule.startswith("Early mask"))
    assert "that of label 3" in told
    assert "by the law of the other labels; flagged: label 3" in told
    # Without that round nothing is
    unscreened = [replace(one, screened_norm=None) for one in screened(norms)]
    assert detect(unscreened, classes=LABELS, pixels=2585).verdict == "clean"


def test_several_are_found_one_after_another_and_do_not_hide_each_other() -> None:
    norms = masks()
    norms[[3, 4, 5]] = (150.0, 200.0, 230.0)
    steps, found = early_steps(screened(norms), alpha=0.05, share=0.5)
    assert found == {3, 4, 5}
    assert [step.label for step in steps][:3] == [3, 4, 5]


def test_a_label_without_a_trigger_is_not_flagged_and_stands_for_the_others() -> None:
    # Given the smallest mask at a label that did not go on
    norms = masks()
    norms[[3, 200]] = (230.0, 100.0)
    steps, _ = early_steps(screened(norms), alpha=0.05, share=0.5)
    assert next(step.label for step in steps) == 3
    assert 200 not in {step.label for step in steps}


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda one: one.normal(6.8, 0.2, LABELS), id="normal"),
        pytest.param(lambda one: 6.8 - 0.2 * one.exponential(size=LABELS), id="exponential towards the small ones"),
        pytest.param(lambda one: np.log(one.gamma(6, size=LABELS)), id="gamma"),
        pytest.param(
            lambda one: one.normal(6.8, 0.2, LABELS) - 0.4 * (one.random(LABELS) < 0.03), id="3% that are easier"
        ),
    ],
)
def test_clean_labels_are_called_no_more_often_than_stated_whatever_their_law(
    draw: Callable[[np.random.Generator], Norms],
) -> None:
    called = 0
    for seed in range(300):
        norms = np.exp(draw(np.random.default_rng(seed)))
        called += bool(early_steps(screened(norms, done=LABELS), alpha=0.05, share=1.0)[1])
    # 5% of 300, and two standard errors
    assert called <= 15 + 8


@pytest.mark.parametrize("labels", [10, 43, 99])
def test_of_fewer_labels_it_is_the_law_of_normal_logs(labels: int) -> None:
    called = sum(
        bool(early_steps(screened(masks(seed, labels), done=labels), alpha=0.05, share=1.0)[1]) for seed in range(300)
    )
    assert called <= 15 + 8


def test_beside_clean_scans_it_has_a_fifth_of_the_rate_and_the_others_have_the_rest() -> None:
    """Of 43 labels with everything measured that the clean scans that come with Cleanse have, but early masks."""
    rng = np.random.default_rng(2)
    plain = [
        LabelNorm(
            label=label,
            state="done",
            norm=float(norm),
            attack_success_rate=0.99,
            evidence=replace(CONVERGED, few_norm=float(norm) / 8, transferability=0.1),
        )
        for label, norm in enumerate(np.exp(rng.normal(4.0, 0.3, 43)))
    ]
    early = np.exp(rng.normal(6.0, 0.25, 43))
    early[7] = 40.0
    with_masks = [
        replace(one, evidence=replace(one.evidence or CONVERGED, early_norm=float(early[one.label]))) for one in plain
    ]
    before, after = (detect(labels, classes=43, pixels=1024) for labels in (plain, with_masks))
    assert before.verdict == "clean"
    assert "early" not in before.shares
    # Then the label is found, by its early mask alone, and the evidence of others counts four fifths
    assert (after.verdict, after.flagged_labels) == ("backdoored", (7,))
    assert after.shares == {
        "early": 0.2,
        **{kind: pytest.approx(0.8 * share) for kind, share in before.shares.items()},
    }
    assert {one.name: one.p_value for one in after.evidence if one.name != "early"} == {
        one.name: pytest.approx(min(1.0, one.p_value / 0.8)) for one in before.evidence
    }
    assert after.level is not None
    assert before.level is not None
    assert after.level < before.level


def test_another_detector_s_masks_are_not_judged_by_it() -> None:
    norms = masks()
    norms[3] = 230.0
    found = detect(screened(norms), classes=LABELS, pixels=2585, detector="gangsweep")
    assert "early" not in found.shares
    assert found.verdict == "clean"


def test_the_profiles_whose_masks_it_is_about() -> None:
    assert {name for name, profile in ALL_PROFILES.items() if profile.early_mask} == {"fast", "screening"}


def test_the_early_mask_of_an_inversion_is_that_of_its_first_steps() -> None:
    trajectory = Trajectory(window=6)
    for step in range(1, SCREENING_STEPS + 9):
        trajectory.add(rate=1.0, norm=100.0 - step, blind=0.0, broken=0.0)
    assert trajectory.early == 100.0 - SCREENING_STEPS
    assert trajectory.norm == 100.0 - SCREENING_STEPS - 8


def test_with_few_labels_or_none_screened_nothing_is_asked() -> None:
    assert early_z(screened(masks(labels=LEAST_LABELS - 1))) == {}
    assert early_steps(screened(masks(labels=LEAST_LABELS - 1)), alpha=0.05, share=1.0) == ((), frozenset())
    assert len(early_z(screened(masks(labels=LEAST_LABELS)))) == LEAST_LABELS
