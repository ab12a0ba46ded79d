"""Which labels a repair is of: the flagged ones, those that lead first, and others where several are flagged."""

import math
from collections.abc import Collection, Sequence

from nc_core.detection.confirm import smallest_few
from nc_core.detection.norms import LabelNorm
from nc_core.detection.price import price_of

SEVERAL = 2
BEYOND = 0.02
"""Of so many of the labels, beyond those, triggers are unlearned along where that costs nothing."""
AS_STRONG = 2.0
"""Times the smallest norm or price of the flagged labels. A label's norm moves by 10 to 20% from start to start,
now and then by half, so that what lies closer is no weaker for certain."""


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


def beyond_of(labels: Sequence[LabelNorm], *, repaired: Collection[int], classes: int) -> tuple[int, ...]:
    """The next in rank behind the labels that are repaired, by norm and price together: 2% of the model's labels.

    Among very many labels a large trigger hides behind clean ones: of three that were planted on a face net of 1283
    labels one stood out, and the others were the 3rd and 12th smallest.
    """
    known = [one for one in labels if one.state == "done" and one.norm is not None and one.label not in repaired]
    by_norm = sorted(known, key=lambda one: (one.norm, one.label))
    by_price = sorted(known, key=lambda one: (math.inf if (price := price_of(one)) is None else price, one.label))
    rank = {one.label: by_norm.index(one) + by_price.index(one) for one in known}
    return tuple(sorted(rank, key=lambda label: (rank[label], label))[: round(BEYOND * classes)])


def leaders_of(labels: Sequence[LabelNorm], flagged: Collection[int]) -> tuple[int, ...]:
    """The flagged labels that a repair begins with: as strong as the strongest, by norm or by price; all where neither
    was measured.

    The others may have their small triggers from these: what makes a net answer to a patch makes it answer to more.
    """
    known = [label for label in labels if label.label in flagged]
    norms = {label.label: label.norm for label in known if label.norm is not None}
    prices = {label.label: price for label in known if (price := price_of(label)) is not None}
    leaders = {
        label for sizes in (norms, prices) for label, size in sizes.items() if size <= AS_STRONG * min(sizes.values())
    }
    return tuple(sorted(leaders or flagged))
