"""The null distribution of the smallest robust z: what N clean labels do by chance, by Monte Carlo.

Under the null the log norms of N labels are independent normals, R of them the reference. Location and scale
cancel in z, so standard normals do, and one simulation of the reference serves every N and every z. Its draws
give median, MAD and smallest member (R,) -> 3 numbers; the N - R labels outside need no drawing: given median
m and MAD s, one of them scans as low as z with probability 1 - (1 - Phi(m - z s)) ** (N - R) (Rao-Blackwell).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from nc_core.detection.mad import CONSISTENCY

DRAWS = 20_000
"""Simulated scans of a reference. At p = 0.05 the standard error is 0.0015."""
NORMALS = 6_000_000
"""Most normals drawn for one null; beyond R = 300 there are fewer scans (4,676 at R = 1283), half a second
each."""
CHUNK = 1_000_000
"""Normals held in memory at a time (8 MB)."""
SEED = 20190520
"""Fixed: the same norms have the same p-value on every machine and in every run."""

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


@dataclass(frozen=True, kw_only=True)
class NormalNull:
    """Simulated scans of a reference of R clean labels: median, mad, smallest, each (draws,)."""

    median: npt.NDArray[np.float64]
    mad: npt.NDArray[np.float64]
    smallest: npt.NDArray[np.float64]

    def p_value(self, z: float, *, others: int) -> float:
        """The chance that any clean label, of the R and of `others` outside the reference, reaches z.

        Never zero: (k + 1) / (draws + 1), with k the expected number of simulated scans that reach z. Ties
        count (with R = 2 every scan has the same z).
        """
        cut = self.median - z * self.mad
        reached = np.where(self.smallest <= cut + 1e-9 * self.mad, 1.0, _any_below(cut, others))
        return float((reached.sum() + 1.0) / (len(reached) + 1.0))


def _any_below(cut: npt.NDArray[np.float64], others: int) -> npt.NDArray[np.float64]:
    """1 - (1 - Phi(cut)) ** others: the chance that one of `others` standard normals lies below each cut."""
    if others == 0:
        return np.zeros_like(cut)
    return 1.0 - (0.5 * _erfc(cut / math.sqrt(2.0))) ** others


@lru_cache(maxsize=256)
def normal_null(reference: int) -> NormalNull:
    """The null of a reference of R >= 2 labels (cached)."""
    if reference < 2:
        raise ValueError(f"a reference of {reference} labels has no spread; at least 2 are needed")
    draws = min(DRAWS, NORMALS // reference)
    generator = np.random.default_rng((SEED, reference))
    rows = max(1, CHUNK // reference)
    parts = [_scans(generator, min(rows, draws - start), reference) for start in range(0, draws, rows)]
    median, mad, smallest = np.concatenate(parts, axis=1)
    return NormalNull(median=median, mad=mad, smallest=smallest)


def _scans(generator: np.random.Generator, draws: int, reference: int) -> npt.NDArray[np.float64]:
    """Median, MAD and smallest of `draws` scans, (3, draws)."""
    logs = generator.standard_normal((draws, reference))
    median = np.median(logs, axis=1)
    mad = CONSISTENCY * np.median(np.abs(logs - median[:, None]), axis=1)
    return np.stack([median, mad, logs.min(axis=1)])
