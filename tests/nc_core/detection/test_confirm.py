"""Which of a label's inversions stands for it."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from nc_core.detection import LabelNorm, detect, middle, to_confirm


@pytest.mark.parametrize(
    ("norms", "index"),
    [([8.0], 0), ([3.0, 9.0, 5.0], 2), ([3.0, None, 5.0], 2), ([3.0, None, None], 1), ([4.0, 4.0, 4.0], 1)],
)
def test_the_middle_norm_stands_for_the_label(norms: list[float | None], index: int) -> None:
    assert middle(norms) == index


def test_an_even_number_has_no_middle() -> None:
    with pytest.raises(ValueError, match="2 norms"):
        middle([1.0, 2.0])


NORMS = [LabelNorm(label=label, state="done", norm=100.0 - label) for label in range(45)]


def test_the_smallest_few_are_confirmed_whether_flagged_or_not() -> None:
    assert to_confirm(NORMS, flagged=(), confirmed=(), pixels=100) == [42, 43, 44]
    assert to_confirm(NORMS, flagged=(7, 44), confirmed=(), pixels=100) == [7, 42, 43, 44]


def test_after_that_only_what_is_flagged_and_was_not_confirmed() -> None:
    assert to_confirm(NORMS, flagged=(44, 41), confirmed=(42, 43, 44), pixels=100) == [41]
    assert to_confirm(NORMS, flagged=(44,), confirmed=(42, 43, 44), pixels=100) == []


def test_what_is_small_is_confirmed_whatever_it_was_called() -> None:
    works = [replace(one, attack_success_rate=1.0) for one in NORMS]
    # Given pictures of which 70 pixels are 1.5%
    assert to_confirm(works, flagged=(), confirmed=(42, 43, 44), pixels=4667) == list(range(30, 42))


def test_nothing_is_confirmed_where_nothing_converged() -> None:
    lost = [LabelNorm(label=label, state="not_converged") for label in range(45)]
    assert to_confirm(lost, flagged=(), confirmed=(), pixels=100) == []


def test_many_labels_confirm_no_more_than_five() -> None:
    many = [LabelNorm(label=label, state="done", norm=1.0 + label) for label in range(1283)]
    assert to_confirm(many, flagged=(), confirmed=(), pixels=100) == [0, 1, 2, 3, 4]


def test_confirming_brings_no_alarm_on_clean_labels_whose_starts_stray() -> None:
    # Given clean models of 43 labels, one start in twenty of which strays three times as far as the others
    rng = np.random.default_rng(0)
    once, confirmed_alarms = 0, 0
    for _ in range(200):
        spread = np.where(rng.random((3, 43)) < 0.05, 0.54, 0.18)
        starts = np.exp(rng.normal(4.0, 0.25, 43) + rng.normal(0.0, spread))
        norms, confirmed = starts[0].copy(), set[int]()
        found = judged(norms)
        once += bool(found)
        # When they are judged as they are, and after confirmation
        while doubtful := to_confirm(as_labels(norms), flagged=found, confirmed=confirmed, pixels=100):
            for label in doubtful:
                norms[label] = starts[middle(starts[:, label].tolist()), label]
            confirmed.update(doubtful)
            found = judged(norms)
        confirmed_alarms += bool(found)
    # Then there are fewer alarms, and no more than alpha allows, up to two standard errors
    assert confirmed_alarms < once
    assert confirmed_alarms / 200 <= 0.05 + 2 * 0.0154


def as_labels(norms: npt.NDArray[np.float64]) -> list[LabelNorm]:
    return [LabelNorm(label=label, state="done", norm=float(norm)) for label, norm in enumerate(norms)]


def judged(norms: npt.NDArray[np.float64]) -> tuple[int, ...]:
    return detect(as_labels(norms), classes=len(norms), pixels=100).flagged_labels
