"""Which labels a repair is of: the flagged ones, those that lead first, and others where several are flagged.

Where none is flagged and the verdict is open it is of the label that leaves it so.
"""

import math
from collections.abc import Collection, Sequence

from nc_core.detection.confirm import smallest_few
from nc_core.detection.norms import LabelNorm
from nc_core.detection.price import price_of
from nc_core.detection.result import LabelIndex, ModelEvidence

SEVERAL = 2
BEYOND = 0.005
"""Share of the labels whose triggers are unlearned along, beyond those. On the face net with three triggers a round
with the next four took 4 points of agreement, one with the next 25 took 23, of the 10 that a repair may cost."""
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


def precaution_of(labels: Sequence[LabelIndex], evidence: Sequence[ModelEvidence]) -> tuple[int, ...]:
    """The label that the evidence points at most, none where that has no trigger.

    It may be no more than chance. Where the verdict is open for it, it is repaired all the same: a net whose backdoor
    just failed to be beyond chance is not left with it.
    """
    least = min(evidence, key=lambda one: one.p_value, default=None)
    return tuple(one.label for one in labels if least and one.label == least.label and one.anomaly_index is not None)


def targets_of(flagged: Sequence[int], suspects: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The labels that a repair is of, and those that it takes along: without a flagged label a suspect is not along."""
    return (tuple(flagged), tuple(suspects)) if flagged else (tuple(suspects), ())


def beyond_of(labels: Sequence[LabelNorm], *, repaired: Collection[int], classes: int) -> tuple[int, ...]:
    """The next in rank behind the labels that are repaired, by norm, price and early mask together: one in 200.

    Among very many labels a large trigger hides behind clean ones: of three that were planted on a face net of 1283
    labels one stood out, and the others were the 3rd and 12th smallest; by the masks after the first round of
    screening they were the 2nd and 3rd.
    """
    known = [one for one in labels if one.state == "done" and one.norm is not None and one.label not in repaired]
    by_norm = sorted(known, key=lambda one: (one.norm, one.label))
    by_price = sorted(known, key=lambda one: (math.inf if (price := price_of(one)) is None else price, one.label))
    early = sorted(known, key=lambda one: (one.early_norm or 0.0, one.label))
    orders = (by_norm, by_price, early) if all(one.early_norm for one in known) else (by_norm, by_price)
    rank = {one.label: sum(order.index(one) for order in orders) for one in known}
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
