"""The size rule: a trigger that is small in itself and universal, whatever the other labels look like.

It decides where hardly any other label was looked at, and no clean scans are there to judge by.
"""

from nc_core.detection.library import FEW_LABELS
from nc_core.detection.norms import LabelNorm

SIZE_BOUND = 0.015
"""Share of the pixels (norm / (H W)) at or below which a norm is small.

Reversed triggers of planted patches measured 0.1-1.3% of the pixels. Labels of clean nets lie below it too, most often
of nets with few classes and of brittle ones: small alone says nothing.
"""

SUCCESS_BOUND = 0.9
"""Least attack success rate on held-out images: a small mask that does not carry over to new images fits
its own. Triggers that hold 0.994 of the images they were fitted to hold 0.95 to 1 of others: with a few hundred
images 0.95 itself was seen on a planted patch."""

TRANSFER_BOUND = 0.65
"""Least rate at which triggers that four images need work on others, beyond what chance gives: of two classes half
of the images are the label's anyway, as soon as something draws them away from their own.

Set at what planted patches of a few nets reached; chance was taken into account after a clean net of two classes had
come to 0.64. It is not calibrated: BadNets of three classes stay below it
(0.49 was seen), so of few classes it is a bound for what may be called a backdoor, not for what may be called clean."""


def is_small(label: LabelNorm, *, pixels: int) -> bool:
    """Whether a label has a norm of at most 1.5% of the pixels (H W) that works on held-out images.

    An attack success rate that could not be measured makes none small.
    """
    if label.state != "done" or label.norm is None or label.attack_success_rate is None:
        return False
    return label.norm / pixels <= SIZE_BOUND and label.attack_success_rate >= SUCCESS_BOUND


def small_by_size(label: LabelNorm, *, pixels: int, classes: int) -> bool:
    """Whether the size rule votes for a label: it is small, and what a few images need works on the others.

    Where that was not measured, it does not vote; but a small trigger that was found though the net hides the gradient
    that leads there, which few images would not find, is one. Of fewer than ten classes it does not vote either: a
    clean net of two was seen with a label of 1.5% of the pixels that 93% of the images follow.
    """
    if not is_small(label, pixels=pixels):
        return False
    if label.evidence is not None and label.evidence.unseen is not None:
        return True
    return classes >= FEW_LABELS and (transferability(label) or 0.0) >= least_transfer(classes)


def transferability(label: LabelNorm) -> float | None:
    """Rate on other images of triggers that a few images need, None where it was not measured."""
    return None if label.evidence is None else label.evidence.transferability


def least_transfer(classes: int) -> float:
    """The rate that lies `TRANSFER_BOUND` of the way from chance, 1 in so many classes, to 1."""
    chance = 1.0 / classes
    return chance + TRANSFER_BOUND * (1.0 - chance)
