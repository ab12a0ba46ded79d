"""The axes of charts: a logarithmic one for norms, an even one for the rest."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LogAxis:
    """Maps values in low..high (both > 0) to positions start..end, evenly in their logarithm."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Iterable[float], *, start: float, end: float) -> "LogAxis":
        """An axis that shows every value with a little room on both sides."""
        known = [value for value in values if value > 0] or [1.0]
        return cls(low=min(known) / 1.35, high=max(known) * 1.35, start=start, end=end)

    def at(self, value: float) -> float:
        """The position of a value; values beyond the axis sit on its edge."""
        return self.all_at([value])[0]

    def all_at(self, values: Iterable[float]) -> list[float]:
        """The positions of many values, which may be a thousand."""
        low, high, start = self.low, self.high, self.start
        scale = (self.end - start) / math.log(high / low)
        return [start + scale * math.log(min(max(value, low), high) / low) for value in values]

    def ticks(self) -> list[float]:
        """1, 2 and 5 times powers of ten within the axis; over more than two decades the powers alone."""
        factors = (1, 2, 5) if self.high / self.low < 150 else (1,)
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        return [f * 10.0**e for e in exponents for f in factors if self.low <= f * 10.0**e <= self.high]


@dataclass(frozen=True, kw_only=True)
class EvenAxis:
    """Maps values in low..high to positions start..end."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Iterable[float], *, start: float, end: float) -> "EvenAxis":
        """An axis that shows every value with a little room on both sides."""
        known = list(values) or [0.0]
        low, high = min(known), max(known)
        room = 0.04 * (high - low) or 0.5
        return cls(low=low - room, high=high + room, start=start, end=end)

    def at(self, value: float) -> float:
        """The position of a value; values beyond the axis sit on its edge."""
        inside = min(max(value, self.low), self.high)
        return self.start + (self.end - self.start) * (inside - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> list[float]:
        """Multiples of 1, 2 or 5 times a power of ten within the axis, at most so many."""
        power = math.floor(math.log10((self.high - self.low) / most))
        steps = (factor * 10.0**exponent for exponent in (power, power + 1) for factor in (1, 2, 5))
        step = next(step for step in steps if self._within(step) <= most)
        return [number * step for number in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]

    def _within(self, step: float) -> int:
        return math.floor(self.high / step) - math.ceil(self.low / step) + 1
