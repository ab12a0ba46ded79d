"""The smallest labels are inverted again before they are judged: which labels, and which inversion stands for one."""

import math
from collections.abc import Collection, Sequence

from nc_core.detection.norms import LabelNorm
from nc_core.detection.size import is_small

AGAIN = (1, 2)
"""Random starts of a confirmation, besides the first, 0.

The smallest of many norms is small for two reasons, its label and luck: one label's norm moves by 10 to 20% from start
to start, now and then by half, and a backdoor's as well. Of three the middle one has no luck left. The others stay as
they are: under the null the test only becomes more cautious (simulated, 43 labels, alpha 0.05: 2.7% instead of 5.5% of
clean models flagged; 2.5% instead of 12.8% where one start in twenty strays three times as far).
"""

ONE_IN = 20
"""One label is confirmed for every so many of the scan, besides the first and every one that is flagged."""
MOST = 5


def to_confirm(
    labels: Sequence[LabelNorm], *, flagged: Collection[int], confirmed: Collection[int], pixels: int
) -> list[int]:
    """Labels to be inverted again before a verdict counts, in order. pixels: H W.

    At first the smallest few, whether flagged or not: a backdoor that was unlucky is among them too. After that those
    that are flagged, or small by themselves, and have not been confirmed.
    """
    wanted = {*flagged, *(label.label for label in labels if is_small(label, pixels=pixels))}
    if not confirmed:
        wanted |= set(smallest_few(labels))
    return sorted(wanted - set(confirmed))


def smallest_few(labels: Sequence[LabelNorm]) -> list[int]:
    """The labels that are confirmed whether flagged or not, the smallest first."""
    done = sorted((label.norm, label.label) for label in labels if label.state == "done" and label.norm is not None)
    return [label for _, label in done[: confirmed_of(len(labels))]]


def confirmed_of(labels: int) -> int:
    """How many labels are confirmed of so many, those that are flagged aside."""
    return min(MOST, 1 + labels // ONE_IN)


def middle(norms: Sequence[float | None]) -> int:
    """The index of the middle norm; one that is None (nothing converged) counts as larger than any.

    Raises ValueError for an even number of norms.
    """
    if len(norms) % 2 == 0:
        raise ValueError(f"{len(norms)} norms have no middle one")
    by_size = sorted(range(len(norms)), key=lambda index: _size(norms[index]))
    return by_size[len(by_size) // 2]


def _size(norm: float | None) -> float:
    return math.inf if norm is None else norm
