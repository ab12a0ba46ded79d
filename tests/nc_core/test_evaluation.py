"""Shares of images, held against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nc_core.errors import DataRefused
from nc_core.evaluation import (
    accuracy,
    agreement,
    attack_success_rate,
    predicted_labels,
    recovery_accuracy,
)

LABELS = arrays.arrays(np.int32, 12, elements=st.integers(0, 3))


@given(LABELS, LABELS)
def test_plain_restatement(answers: np.ndarray, y: np.ndarray) -> None:
    pairs = list(zip(answers.tolist(), y.tolist(), strict=True))
    assert accuracy(answers, y) == sum(a == t for a, t in pairs) / 12
    assert agreement(answers, y) == accuracy(answers, y)
    others = [(a, t) for a, t in pairs if t != 2]
    if others:
        assert attack_success_rate(answers, y, 2) == sum(a == 2 for a, _ in others) / len(others)
        assert recovery_accuracy(answers, y, 2) == sum(a == t for a, t in others) / len(others)


def test_images_of_the_target_class_do_not_count_as_successes() -> None:
    # Given a model that ignores the trigger and is right about everything
    y = np.array([5, 5, 5, 1])
    assert attack_success_rate(y.copy(), y, 5) == 0.0


def test_logits_and_labels_say_the_same() -> None:
    logits = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    y = np.arange(20) % 6
    assert predicted_labels(logits).tolist() == [max(range(6), key=lambda k, row=row: row[k]) for row in logits]
    assert accuracy(logits, y) == accuracy(logits.argmax(axis=1), y)


def test_a_share_of_nothing_is_refused() -> None:
    only_target = np.full(4, 3)
    with pytest.raises(DataRefused, match="no images outside the target class 3"):
        attack_success_rate(only_target, only_target, 3)
    with pytest.raises(DataRefused, match="no images to measure on"):
        accuracy(np.zeros((0, 4)), np.zeros(0, np.int32))


def test_probabilities_of_one_class_are_not_taken_for_labels() -> None:
    with pytest.raises(ValueError, match="integer labels"):
        accuracy(np.array([0.1, 0.9]), np.array([0, 1]))
