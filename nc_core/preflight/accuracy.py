"""Is a clean accuracy one that the model should have on these images?

Both limits go by chance, 1 / N, and by shares of the way from chance to perfect: an accuracy of 0.39 is nothing over
two classes and 500 times chance over 1283.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nc_core.datasets.numbering import SHOWN
from nc_core.errors import DataRefused
from nc_core.preflight.order import Matching

TIMES_CHANCE = 2.0
"""Refused below so many times chance."""
LEAST_WAY = 0.3
"""And never above this share of the way from chance to perfect: twice chance would be perfect over two classes. There
it gives 0.65, over three 0.53; from five on twice chance is the lower one."""
DOUBTED_WAY = 0.6
"""Doubted below: real nets read in a wrong range are right on up to 60%, in their own on about 95%."""


def least_accuracy(classes: int) -> float:
    """Accuracy below which images and model do not belong together."""
    return min(TIMES_CHANCE / classes, _on_the_way(LEAST_WAY, classes))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """accuracy: clean, in `value_range`, of a model with so many classes. scores: the same by value range, on the fewer
    images that ranges were compared on. tie: difference of two scores that may be chance. matching: the best pairing of
    labels and outputs. names: of the labels, where they have some."""

    accuracy: float
    classes: int
    value_range: str
    scores: Mapping[str, float]
    tie: float
    matching: Matching | None = None
    names: Sequence[str] | None = None


def refuse_low(found: Measured, *, min_accuracy: float | None) -> None:
    """Raise DataRefused for an accuracy below `min_accuracy`, the user's own, or else below `least_accuracy`.

    And where the user named none, for one below the usual that is twice as high with the labels in another order.
    """
    least = least_accuracy(found.classes) if min_accuracy is None else min_accuracy
    order = _other_order(found)
    if order is not None and min_accuracy is None and found.accuracy >= least:
        least = _on_the_way(DOUBTED_WAY, found.classes)
    if found.accuracy >= least:
        return
    whose = "" if min_accuracy is None else "--min-accuracy; "
    tried = ", ".join(f"{name}: {score:.3f}" for name, score in found.scores.items())
    raise DataRefused(
        f"clean accuracy is {found.accuracy:.3f}, expected at least {least:.3g} ({whose}chance gives "
        f"{1 / found.classes:.2g}): "
        "the images, their labels or their value range do not fit this model (accuracy by value range: "
        f"{tried}{USUAL_ADVICE if order is None else order}"
    )


USUAL_ADVICE = (
    "); pass clean data that the model was made for, its --value-range, a lower --min-accuracy if it is no better, or "
    "--unlabelled if the labels number the classes differently"
)


def _other_order(found: Measured) -> str | None:
    """The end of the sentence where labels are the model's in an order of their own; None where they are not.

    Images that the pairing was not made of have to bear it out: a net that knows nothing has no such order.
    """
    best = found.matching
    if best is None or best.example is None or best.share < _on_the_way(DOUBTED_WAY, found.classes):
        return None
    if 2 * found.accuracy > best.share:
        return None
    label, output = best.example
    name = f" ({found.names[label][:SHOWN]})" if found.names else ""
    return (
        f"), or are mislabelled: it is {best.share:.3f} with the classes in another order, such as label {label}{name} "
        f"for output {output}; pass --class-names with the names of the folders in the model's order, number folders "
        "or labels as the model does, or pass its --value-range or --unlabelled"
    )


def accuracy_doubts(found: Measured) -> Iterator[str]:
    """What speaks against an accuracy that is not refused, where the user named no least one; without a full stop."""
    accuracy, value_range, scores = found.accuracy, found.value_range, found.scores
    usual = _on_the_way(DOUBTED_WAY, found.classes)
    if accuracy < usual:
        yield (
            f"clean accuracy in {value_range} is only {accuracy:.3f}, below {usual:.2f}: some models have as much in a "
            "wrong value range; pass the data or the --value-range that this one was made for, or "
            f"--min-accuracy {int(accuracy * 100) / 100:.2g} if it is no better than that"
        )
    best = max(scores, key=lambda name: scores[name])
    if scores[best] - scores[value_range] > found.tie:
        yield (
            f"in {best} the model is right on {scores[best]:.1%} of the images, in {value_range}, which was asked for, "
            f"on {scores[value_range]:.1%}: pass --value-range {best}, or --min-accuracy if that is as it should be"
        )


def _on_the_way(share: float, classes: int) -> float:
    chance = 1 / classes
    return chance + share * (1 - chance)
