"""Evidence without a mask: whose perturbation or margin stands out, and what is left out of the test."""

from dataclasses import replace

import pytest

from nc_core.detection import LabelNorm, robust_log_z, statistics_of
from nc_core.detection.norms import State
from nc_core.detection.perturbed import margin_z, perturbed, standing_out
from tests.evidence import CONVERGED


def label(
    number: int,
    *,
    norm: float | None = 4.0,
    rate: float | None = 0.9,
    margin: float | None = None,
    state: State = "done",
    reference: bool = True,
) -> LabelNorm:
    evidence = replace(CONVERGED, perturbation_norm=norm, perturbation_rate=rate, margin=margin)
    own = 40.0 if state == "done" else None
    return LabelNorm(label=number, state=state, norm=own, evidence=evidence, reference=reference)


def test_the_norm_of_a_perturbation_stands_in_for_that_of_the_mask() -> None:
    assert (perturbed(label(0)).state, perturbed(label(0)).norm) == ("done", 4.0)
    # One that the largest that was tried does not reach is at least as large
    assert perturbed(label(0, norm=None, rate=0.7)).state == "not_converged"
    # Without one, or without a trigger that a repair could begin with, it is not tested
    assert perturbed(label(0, norm=None, rate=None)).state == "failed"
    assert perturbed(label(0, norm=None, rate=None, state="screened_out")).state == "screened_out"
    assert perturbed(label(0, state="not_converged")).norm is None
    assert perturbed(LabelNorm(label=0, state="done", norm=3.0)).norm is None


def test_a_small_perturbation_and_a_large_margin_add_up() -> None:
    norms, margins = [4.0, 5.0, 4.4, 3.7, 1.2, 4.1, 6.0], [10.0, 11.0, 12.0, 13.0, 30.0, 2.0, 40.0]
    labels = [label(at, norm=norm, margin=margin) for at, (norm, margin) in enumerate(zip(norms, margins, strict=True))]
    found = standing_out(labels)
    assert found[4] == pytest.approx(robust_log_z(1.2, norms) + margin_z(labels)[4])
    # What points the other way takes nothing away
    assert robust_log_z(6.0, norms) < 0.0
    assert found[6] == pytest.approx(margin_z(labels)[6])
    assert min(found.values()) == 0.0
    assert statistics_of(labels, pixels=1024)["perturbation"] == max(found.values())


def test_a_label_without_either_is_left_out() -> None:
    both = [label(at, norm=4.0 + at, margin=10.0 + at) for at in range(4)]
    labels = [*both, label(4, margin=None), label(5, norm=None, rate=0.5, margin=20.0)]
    assert standing_out(labels).keys() == {0, 1, 2, 3}
    assert "perturbation" not in statistics_of([label(0, margin=None), label(1, margin=None)], pixels=1024)


def test_a_margin_is_held_against_the_larger_half_of_the_reference() -> None:
    margins = [10.0, 11.0, 12.0, 13.0, 14.0, 2.0, 1.0, 30.0]
    labels = [label(at, margin=margin, reference=at < 7) for at, margin in enumerate(margins)]
    # Median 11 of seven; of 11 to 14 the middle deviation is 1.5
    found = margin_z(labels)
    assert found[7] == pytest.approx((30.0 - 11.0) / (1.4826 * 1.5))
    assert found[6] < 0.0


def test_margins_that_lie_close_together_are_no_yardstick() -> None:
    labels = [label(at, margin=margin) for at, margin in enumerate([10.0, 10.0, 10.0, 10.0, 12.0])]
    assert margin_z(labels)[4] == pytest.approx(2.0)
    assert set(margin_z(labels[:2]).values()) == {0.0}
    assert set(margin_z([label(at, margin=0.0) for at in range(4)]).values()) == {0.0}
    assert margin_z([label(0), label(1), label(2)]) == {}
