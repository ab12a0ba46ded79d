"""The least p-value of several tests as one test: how often that of a clean scan is as small.

The tests of a net share its error rate (weighted Bonferroni), which is too careful where they answer alike, and their
laws are careful themselves: those of the clean scans put the largest numbers of a net's labels together, whichever
labels they are of. So the least p-value, divided by its test's share, is held against those of the clean scans, each
judged by the laws of the others. What comes out holds the stated rate, by the same tail law as the tests themselves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nc_core.detection.library import FEW_LABELS, NullScan, tail_p

FEWEST = 19
"""Clean scans that bear out a rate of 5% by themselves. With 11 the law of the tail is so wide that it asks for a
p-value of .014 where .05 is stated."""
SMALLEST = 1e-300
"""p-values below are taken for it: their logarithm is one."""
STEPS = 60
"""Of the search for a level."""


@dataclass(frozen=True, kw_only=True)
class Least:
    """null: minus the logarithm of the least p-value of each clean scan; of too few scans p-values stay as they are."""

    null: tuple[float, ...] = ()

    @property
    def scans(self) -> int:
        """Clean scans that p-values are held against; 0 where there are too few."""
        return len(self.null) if len(self.null) >= FEWEST else 0

    def p_value(self, least: float) -> float:
        """The chance that a clean scan's least p-value is as small."""
        if not self.scans:
            return least
        return tail_p(-math.log(max(least, SMALLEST)), self.null)

    def level(self, alpha: float) -> float:
        """What the tests' p-values are held against, so that all together hold the rate."""
        if not self.scans:
            return alpha
        low, high = math.log(SMALLEST), 0.0
        for _ in range(STEPS):
            middle = (low + high) / 2.0
            low, high = (middle, high) if self.p_value(math.exp(middle)) <= alpha else (low, middle)
        return math.exp(low)


def least_of(clean: Sequence[NullScan], *, classes: int) -> Least:
    """That of the clean scans that are judged by the same tests as a model of so many classes."""
    few = classes < FEW_LABELS
    known = [scan.least for scan in clean if (scan.classes < FEW_LABELS) == few and scan.least is not None]
    return Least(null=tuple(-math.log(max(least, SMALLEST)) for least in known))
