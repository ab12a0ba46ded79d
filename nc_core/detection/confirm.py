"""A flagged label is inverted again before it counts: which of its inversions stands for it."""

import math
from collections.abc import Sequence

AGAIN = (1, 2)
"""Random starts that confirm a flagged label, besides its first, 0.

The smallest of many norms is small for two reasons, its label and luck: one label's norm moves by 10 to 20% from start
to start, now and then by half. Of three the middle one has no luck left, and the others stay as they are: under the
null the test only becomes more cautious.
"""


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
