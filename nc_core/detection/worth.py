"""What a trigger of a few images is worth to all: a measure of one label that knows no pixels.

A planted trigger is what few images need and what all need, and it works on images that it was not made for. Of a clean
label one of the two fails: few images need less than all do, or what they need is theirs alone. So the worth of a
planted trigger is near 1, however large it is, and far above that of the net's other labels.
"""

import math
from collections.abc import Mapping, Sequence

from nc_core.detection.norms import LabelNorm
from nc_core.detection.price import LEAST_RATE

QUARTILE = 0.75
"""Of the other labels' worth: the one that a label is held against. Not the largest, since several may be infected;
not the median, since a few labels of a clean net are easy."""
LEAST_OTHERS = 3
"""Labels beside which one can stand out: of two classes one is often much easier than the other, on clean nets too."""


def worth_of(label: LabelNorm) -> float | None:
    """transferability * min(1, few_norm / norm), at least `LEAST_RATE`; None where either was not measured.

    None too where the net hides its gradient: few images find nothing there, and a trigger that was found all the same
    says nothing by working, however small the rate of the few.
    """
    found = label.evidence
    if found is None or found.unseen is not None or label.state != "done" or not label.norm:
        return None
    if found.transferability is None or found.few_norm is None:
        return None
    return max(LEAST_RATE, found.transferability * min(1.0, found.few_norm / label.norm))


def log_worth(labels: Sequence[LabelNorm]) -> Mapping[int, float]:
    """Label -> logarithm of its worth, of those that have one."""
    return {one.label: math.log(worth) for one in labels if (worth := worth_of(one)) is not None}


def log_transferability(labels: Sequence[LabelNorm]) -> Mapping[int, float]:
    """Label -> logarithm of the rate at which triggers of a few images work on others, where that was measured."""
    known = ((one.label, one.evidence.transferability) for one in labels if one.state == "done" and one.evidence)
    return {label: math.log(max(LEAST_RATE, rate)) for label, rate in known if rate is not None}


def ahead(labels: Sequence[LabelNorm]) -> Mapping[int, float]:
    """Label -> logarithm of its worth over the upper quartile of the other reference labels' worth.

    Labels without a worth are left out, and so is one with fewer than three others beside it.
    """
    known = log_worth(labels)
    reference = sorted((known[one.label], one.label) for one in labels if one.reference and one.label in known)
    ordered, places = [own for own, _ in reference], {label: at for at, (_, label) in enumerate(reference)}
    return {
        label: own - _quartile(ordered, places.get(label))
        for label, own in known.items()
        if len(ordered) - (label in places) >= LEAST_OTHERS
    }


def _quartile(ordered: Sequence[float], without: int | None) -> float:
    """The upper quartile of sorted values, as `numpy.quantile` has it, without the one at a place."""
    last = len(ordered) - (1 if without is None else 2)
    low = int(QUARTILE * last)
    at, after = (ordered[place + (without is not None and place >= without)] for place in (low, min(low + 1, last)))
    return at + (QUARTILE * last - low) * (after - at)
