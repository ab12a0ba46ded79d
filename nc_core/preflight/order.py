"""In which order does the model number the classes of the data?"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nc_core.datasets.numbering import ClassOrder, Outputs

Answers = Sequence[Sequence[int]]
"""The model's labels of n images, once for each value range."""


class Matching(NamedTuple):
    """One to one, of labels to outputs. share: of images it makes right that it was not made of; example: a label and
    its output that differ, None where all agree."""

    share: float
    example: tuple[int, int] | None


def best_order(
    answers: Answers, labels: Outputs, orders: Mapping[ClassOrder, Outputs], *, least: float, tie: float
) -> ClassOrder:
    """The order that makes most answers right; "given" unless another has `least` and is better by more than `tie`."""
    given = _right(answers, labels)
    shares = {order: _right(answers, to[labels]) for order, to in orders.items()}
    best = max(shares, key=shares.__getitem__, default=None)
    return "given" if best is None or shares[best] < max(least, given + tie) else best


def best_matching(answers: Answers, labels: Outputs) -> Matching:
    """Pair labels and outputs greedily, those that meet most often first, by half of the images; judge by the rest."""
    return max((_matching(np.asarray(one), labels) for one in answers), key=lambda found: found.share)


def _right(answers: Answers, labels: Outputs) -> float:
    return max(float(np.mean(np.asarray(one) == labels)) for one in answers)


def _matching(answers: npt.NDArray[np.int64], labels: Outputs) -> Matching:
    pairs, counts = np.unique(np.stack([labels[::2], answers[::2]]), axis=1, return_counts=True)
    output_of: dict[int, int] = {}
    taken = set[int]()
    for label, output in pairs[:, np.argsort(-counts, kind="stable")].T.tolist():
        if label not in output_of and output not in taken:
            output_of[label] = output
            taken.add(output)
    matched = [output_of.get(label, -1) for label in labels[1::2].tolist()]
    moved = next((pair for pair in output_of.items() if pair[0] != pair[1]), None)
    return Matching(share=float((answers[1::2] == matched).mean()), example=moved)
