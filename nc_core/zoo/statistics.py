"""The two figures that a comparison with known answers needs, exactly, of small samples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb, fsum

LEVEL = 0.95
_HALVINGS = 60


@dataclass(frozen=True, kw_only=True)
class Rate:
    """hits of `of`; rate: None of none. low, high: exact 95% interval (Clopper and Pearson 1934)."""

    hits: int
    of: int
    rate: float | None
    low: float
    high: float


def rate(hits: int, of: int) -> Rate:
    """A share with its interval; of nothing all of 0..1 is possible."""
    if not 0 <= hits <= of:
        raise ValueError(f"{hits} of {of} is no share")
    tail = (1 - LEVEL) / 2
    # The share at which as many hits, or as few, are as unlikely as the tail.
    low = 0.0 if hits == 0 else _share(lambda p: _at_most(of - hits, of, 1 - p), tail)
    high = 1.0 if hits == of else 1 - _share(lambda p: _at_most(hits, of, 1 - p), tail)
    return Rate(hits=hits, of=of, rate=hits / of if of else None, low=low, high=high)


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float | None:
    """Chance that a positive scores above a negative, a tie counting half (Mann and Whitney 1947); None of nothing."""
    if not positives or not negatives:
        return None
    won = sum((one > other) + 0.5 * (one == other) for one in positives for other in negatives)
    return won / (len(positives) * len(negatives))


def _at_most(hits: int, of: int, share: float) -> float:
    """Chance of at most `hits` of `of` at a share."""
    return fsum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(hits + 1))


def _share(rising: Callable[[float], float], tail: float) -> float:
    """Where a rising function of a share reaches the tail."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) >= tail else (middle, high)
    return (low + high) / 2
