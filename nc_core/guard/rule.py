"""The rule of every guard: its rate over all clean images, and over those of each flagged class (numpy alone).

An image that can never be called scores 0, and no score below 0 is a sign of a trigger, whatever rate is asked for: so
thresholds lie above 0.
"""

from collections.abc import Callable, Mapping

import numpy as np

from nc_core.guard.threshold import Scores, Threshold, threshold_for

UNLABELLED = (
    "The data has no labels, hence no images known to be of a flagged class: that the guard spares those rests on "
    "clean images of the other classes alone."
)

Calibrated = tuple[Threshold, tuple[str, ...]]
"""A threshold with the sentences on what it was set by."""


def over_classes(
    scores: Scores, own: Mapping[int, Scores], rate: float, *, ask: Callable[[Scores], float]
) -> Calibrated:
    """The larger of what all clean images ask for and what those of each flagged class do.

    scores (n,): of all. own: flagged label -> scores of images of that class, which may be none. ask: the threshold
    that these ask for. Raises as `threshold_for`.
    """
    everything = threshold_for(np.maximum(0.0, scores), rate)
    asked = [ask(one) for one in own.values() if len(one)]
    counts = ", ".join(f"{len(one)} of label {label}" for label, one in own.items())
    told = f"The threshold was set by {len(scores)} clean images, {counts} among them."
    return Threshold(value=max([everything.value, *asked]), images=everything.images, rate=everything.rate), (told,)


def without_labels(scores: Scores, rate: float) -> Calibrated:
    """What clean images ask for that the net gives no flagged label: the others may hold the trigger."""
    return threshold_for(np.maximum(0.0, scores), rate), (UNLABELLED,)


def moved(own: Scores, others: Scores, rate: float) -> float:
    """The threshold for images of one flagged class, whose scores lie higher than others' and are spread like them.

    There are few of them, a dozen or two, of which no quantile of 1% can be read: so the threshold of all classes is
    moved by as much as their median lies above the common one, or further, to what the few do say.
    """
    common = threshold_for(others, rate).value
    return max(common + float(np.median(own) - np.median(others)), threshold_for(own, rate).value)
