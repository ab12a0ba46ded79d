"""Labels that are not flagged and repaired all the same, because others are."""

from collections.abc import Collection, Sequence

from nc_core.detection.confirm import smallest_few
from nc_core.detection.norms import LabelNorm


def suspects_of(labels: Sequence[LabelNorm], *, flagged: Collection[int]) -> tuple[int, ...]:
    """The smallest of the labels that were confirmed and not flagged, as many as were flagged at most, in order.

    Who planted one backdoor may have planted others, and the largest of several triggers hides among 1283 clean labels:
    of the real face net with three of them, sunglasses (norm 76) are the third smallest and no outlier. A clean label
    among the suspects costs little: what a repair takes from it is a trigger that no image needs. Without a flagged
    label nobody is a suspect.
    """
    few = [label for label in smallest_few(labels) if label not in flagged]
    return tuple(sorted(few[: len(flagged)]))
