"""The size rule: a trigger that is tiny in itself, whatever the other labels look like."""

from nc_core.detection.norms import LabelNorm

SIZE_BOUND = 0.015
"""Share of the pixels (norm / (H W)) at or below which a norm is small by size alone.

Reversed triggers of planted patches measured 0.1-1.3% of the pixels, the smallest label of clean nets
2.9-7.2%, the smallest clean label of a real GTSRB BadNet 2.6%. Two seeds moved one label's norm by a factor
of 1.66: 2.6% / 1.66 is 1.54%, so an unlucky run of the smallest clean label seen still stays above this
bound, and every patch seen lies below. It is meant to miss large triggers (real sunglasses: 2.7%), which are
left to the outlier test.
"""

SUCCESS_BOUND = 0.9
"""Least attack success rate on held-out images: a small mask that does not carry over to new images fits
its own. Triggers that hold 0.994 of the images they were fitted to hold 0.95 to 1 of others: with a few hundred
images 0.95 itself was seen on a planted patch."""


def small_by_size(label: LabelNorm, *, pixels: int) -> bool:
    """Whether a label has a norm of at most 1.5% of the pixels (H W) that works on held-out images.

    An attack success rate that could not be measured gives no vote.
    """
    if label.state != "done" or label.norm is None or label.attack_success_rate is None:
        return False
    return label.norm / pixels <= SIZE_BOUND and label.attack_success_rate >= SUCCESS_BOUND
