"""A logarithmic axis for norms."""

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
