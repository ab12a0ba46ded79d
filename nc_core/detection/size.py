"""What is small in itself: a label that is looked at once more, whatever the others look like. It flags nothing."""

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


def is_small(label: LabelNorm, *, pixels: int) -> bool:
    """Whether a label has a norm of at most 1.5% of the pixels (H W) that works on held-out images.

    An attack success rate that could not be measured makes none small.
    """
    if label.state != "done" or label.norm is None or label.attack_success_rate is None:
        return False
    return label.norm / pixels <= SIZE_BOUND and label.attack_success_rate >= SUCCESS_BOUND


def transferability(label: LabelNorm) -> float | None:
    """Rate on other images of triggers that a few images need, None where it was not measured."""
    return None if label.evidence is None else label.evidence.transferability
