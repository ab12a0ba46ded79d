"""Labels that are not flagged and repaired all the same, because several others are."""

from collections.abc import Collection, Sequence

from nc_core.detection.confirm import smallest_few
from nc_core.detection.norms import LabelNorm

SEVERAL = 2


def suspects_of(labels: Sequence[LabelNorm], *, flagged: Collection[int]) -> tuple[int, ...]:
    """The smallest of the labels that were confirmed and not flagged, as many as were flagged at most, in order.

    Who planted several backdoors may have planted one more, and the largest of several triggers hides among 1283 clean
    labels: of the real face net with three of them, sunglasses (norm 76) are the third smallest and no outlier. Where
    one label is flagged nobody is a suspect: a repair of the next one, which is clean then (p = 0.6 on a real GTSRB
    BadNet), took a round more and twice the time.
    """
    if len(flagged) < SEVERAL:
        return ()
    few = [label for label in smallest_few(labels) if label not in flagged]
    return tuple(sorted(few[: len(flagged)]))
