"""How well a classifier answers, with and without a trigger: plain shares of images, all in 0..1.

`answers` are logits or probabilities (n, N), of which the argmax counts, or predicted labels (n,).
`y` are true labels (n,). A share of no images is no number: DataRefused.
"""

import numpy as np
import numpy.typing as npt

from nc_core.errors import DataRefused

Answers = npt.NDArray[np.floating] | npt.NDArray[np.integer]
Labels = npt.NDArray[np.integer]


def predicted_labels(answers: Answers) -> npt.NDArray[np.int64]:
    """(n, N) or (n,) -> (n,) labels."""
    if answers.ndim == 2:
        return answers.argmax(axis=1).astype(np.int64)
    if answers.ndim == 1 and answers.dtype.kind in "iu":
        return answers.astype(np.int64)
    raise ValueError(f"answers are (n, N) logits or (n,) integer labels, not {answers.shape} {answers.dtype}")


def accuracy(answers: Answers, y: Labels) -> float:
    """Share of images given their true label."""
    return _share(predicted_labels(answers) == y)


def agreement(answers: Answers, others: Answers) -> float:
    """Share of images that two models, or one model before and after a repair, give the same label."""
    return _share(predicted_labels(answers) == predicted_labels(others))


def attack_success_rate(answers: Answers, y: Labels, target: int) -> float:
    """Share of stamped images answered with the target label; images whose y is the target are left out.

    Those are answered so without any trigger, and would flatter the attack.
    """
    return _share(predicted_labels(answers)[y != target] == target, f"outside the target class {target}")


def recovery_accuracy(answers: Answers, y: Labels, target: int) -> float:
    """Share of stamped images given their true label all the same; images of the target class left out."""
    others = y != target
    return _share(predicted_labels(answers)[others] == y[others], f"outside the target class {target}")


def _share(hits: npt.NDArray[np.bool_], which: str = "") -> float:
    if not len(hits):
        raise DataRefused(f"there are no images {which}".rstrip() + " to measure on; pass more clean images")
    return float(hits.mean())
