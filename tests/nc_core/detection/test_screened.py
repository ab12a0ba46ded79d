"""Labels that stand out after the first round of screening, whatever their norms come to."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from nc_core.detection import LabelNorm, detect
from nc_core.detection.judge import SCREENED
from nc_core.detection.screened import LEAST_LABELS, PART, screened_steps, screened_z
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
    (first, *_), _ = screened_steps(screened(norms), alpha=1e-9, share=0.5)
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
    assert next(one.rules for one in found.labels if one.label == 3) == ("screening",)
    assert found.shares == SCREENED
    assert sum(SCREENED.values()) == pytest.approx(1.0)
    told = next(rule for rule in found.rules if rule.startswith("Screening"))
    assert "the mask of label 3" in told
    assert "by the tail of the others; flagged: label 3" in told
    # Without that round nothing is
    unscreened = [replace(one, screened_norm=None) for one in screened(norms)]
    assert detect(unscreened, classes=LABELS, pixels=2585).verdict == "clean"


def test_several_are_found_one_after_another_and_do_not_hide_each_other() -> None:
    norms = masks()
    norms[[3, 4, 5]] = (150.0, 200.0, 230.0)
    steps, found = screened_steps(screened(norms), alpha=0.05, share=0.5)
    assert found == {3, 4, 5}
    assert [step.label for step in steps][:3] == [3, 4, 5]


def test_a_label_without_a_trigger_is_not_flagged_and_stands_for_the_others() -> None:
    # Given the smallest mask at a label that did not go on
    norms = masks()
    norms[[3, 200]] = (230.0, 100.0)
    steps, _ = screened_steps(screened(norms), alpha=0.05, share=0.5)
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
        called += bool(screened_steps(screened(norms, done=LABELS), alpha=0.05, share=1.0)[1])
    # 5% of 300, and two standard errors
    assert called <= 15 + 8


def test_with_few_labels_or_none_screened_nothing_is_asked() -> None:
    assert screened_z(screened(masks(labels=LEAST_LABELS - 1))) == {}
    assert screened_steps(screened(masks(labels=LEAST_LABELS - 1)), alpha=0.05, share=1.0) == ((), frozenset())
    assert len(screened_z(screened(masks(labels=LEAST_LABELS)))) == LEAST_LABELS
