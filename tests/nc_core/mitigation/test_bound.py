"""What a repair may cost, with labels and without."""

from dataclasses import replace

import numpy as np
import pytest

from nc_core.datasets.prepared import Part, Prepared
from nc_core.errors import DataRefused
from nc_core.mitigation.bound import FOREIGN, SURE, accuracy_bound


class Answering:
    """A net that is sure of an image or not, and gives it the label that is written in its first pixel."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        sure = x[:, 0, 1, 0] > 0
        return np.eye(4, dtype=np.float32)[x[:, 0, 0, 0].astype(int)] * np.where(sure, 20.0, 1.0)[:, None]


def images(answers: list[int], sure: list[float], y: list[int]) -> Part:
    x = np.zeros((len(y), 8, 8, 1), np.float32)
    x[:, 0, 0, 0], x[:, 0, 1, 0] = answers, sure
    return Part(x=x, y=np.array(y, np.int32))


def test_with_labels_it_is_accuracy_over_all_images(prepared: Prepared) -> None:
    part = images([0, 1, 2, 3], [True, False, True, False], [0, 1, 2, 0])
    bound = accuracy_bound(part, prepared, Answering(), [2], max_accuracy_loss=0.5)  # type: ignore[arg-type]
    assert (bound.measure, bound.before, bound.least) == ("accuracy", 0.75, 0.25)
    worse = bound.outcome(lambda x: np.eye(4)[np.zeros(len(x), int)])  # type: ignore[arg-type]
    assert (worse.images, worse.after, worse.holds) == (4, 0.5, True)
    assert not bound.outcome(lambda x: np.eye(4)[np.full(len(x), 3)]).holds  # type: ignore[arg-type]


def test_without_labels_it_is_agreement_where_the_submitted_net_is_sure_and_says_no_flagged_label(
    prepared: Prepared,
) -> None:
    # Given six images: two of them unsure, one sure of the flagged label
    answers = [0, 1, 1, 2, 3, 3]
    part = images(answers, [True, True, False, True, True, False], answers)
    unlabelled = replace(prepared, labelled=False)
    bound = accuracy_bound(part, unlabelled, Answering(), [2], max_accuracy_loss=0.1)  # type: ignore[arg-type]
    # Then three count, and the cut is told
    assert bound.counted.y.tolist() == [0, 1, 3]
    assert bound.before == 1.0
    assert bound.least == pytest.approx(1 - FOREIGN * 0.1)
    told = bound.outcome(Answering()).to_json()  # type: ignore[arg-type]
    assert (told["measure"], told["confidence_cut"], told["images"], told["holds"]) == ("agreement", SURE, 3, True)


def test_of_a_net_that_is_never_sure_the_surer_half_counts(prepared: Prepared) -> None:
    # Given a net that learned with smoothed labels: 20 images, no probability above 0.97
    answers = np.arange(20) % 4
    heights = np.linspace(2.0, 5.0, 20, dtype=np.float32)
    part = images(list(answers), list(heights), list(answers))

    def smoothed(x: np.ndarray) -> np.ndarray:
        return np.eye(4, dtype=np.float32)[x[:, 0, 0, 0].astype(int)] * x[:, 0, 1, :]

    unlabelled = replace(prepared, labelled=False)
    bound = accuracy_bound(part, unlabelled, smoothed, [2], max_accuracy_loss=0.1)  # type: ignore[arg-type]
    # Then of the 15 images without the flagged label those count that lie at their median and above
    assert bound.counted.y.tolist() == [y for y in answers.tolist() if y != 2][7:]
    height = np.exp(heights[answers != 2][7])
    assert bound.confidence_cut == pytest.approx(height / (height + 3))


def test_no_image_that_counts_is_refused(prepared: Prepared) -> None:
    part = images([2, 2], [True, False], [2, 2])
    with pytest.raises(DataRefused, match=r"of 2 unlabelled images none .* not flagged \(flagged are 2\)"):
        accuracy_bound(part, replace(prepared, labelled=False), Answering(), [2], max_accuracy_loss=0.1)  # type: ignore[arg-type]
