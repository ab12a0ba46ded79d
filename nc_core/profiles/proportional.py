"""A schedule that holds the attack rate where it is wanted: lambda follows how far the rate is from there.

The published schedule looks at each step alone and knows good and bad. With steps of few images that is a coin toss
(one miss in 96 images is already below 0.99), and lambda is thrown down again and again before the mask is small. Here
the rate is smoothed over steps, and a small distance moves lambda by little, so that steps may be short.
"""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ProportionalControl:
    """Settings of `ProportionalSchedule`.

    initial_cost: lambda when it is switched on; it is 0 before. switch_on_rate: attack rate of a step that switches it
    on. attack_rate: the rate to be held on the fitting images, a little more than the 0.99 that is wanted of others.
    band: distance from it at which lambda changes by the factor `gain` a step. largest_fall: most bands that count
    below, since a rate that has broken down says nothing about how far to go back. memory: weight of the steps before
    in the smoothed rate. progress: a kept mask counts as progress below this share of the last one that did. patience:
    steps without progress that end the optimisation: of 13 as small masks come as of 16, with 10 they stay up to 20%
    larger (median of nine starts, three planted GTSRB nets).
    """

    initial_cost: float = 8e-3
    switch_on_rate: float = 0.9
    attack_rate: float = 0.994
    band: float = 0.01
    gain: float = 1.5
    largest_fall: float = 2.0
    memory: float = 0.5
    progress: float = 0.98
    patience: int = 13

    def schedule(self, max_steps: int) -> "ProportionalSchedule":
        """A fresh schedule that ends after `max_steps` at the latest."""
        return ProportionalSchedule(control=self, max_steps=max_steps)


@dataclass(kw_only=True)
class ProportionalSchedule:
    """log lambda moves by log(gain) (smoothed rate - attack_rate) / band a step, once it is switched on."""

    control: ProportionalControl
    max_steps: int
    cost: float = 0.0
    steps: int = 0
    progress_norm: float = math.inf
    _rate: float = field(init=False)
    _reached: bool = field(default=False, init=False)
    _stale: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._rate = self.control.attack_rate

    def observe(self, attack_rate: float, norm: float, kept_norm: float) -> bool:
        """See `nc_core.profiles.schedule.Schedule`.

        It is over when lambda has reached what the attack bears and the kept mask has not become smaller for
        `patience` steps. A step whose mask is smaller than the kept one, though it did not pass, is not counted: lambda
        was too large for a moment, and a smaller one will let the mask pass.
        """
        self.steps += 1
        self._count_stale(norm, kept_norm)
        if self.steps >= self.max_steps or (self._reached and self._stale >= self.control.patience):
            return True
        if self.cost > 0:
            self._move(attack_rate)
        elif attack_rate >= self.control.switch_on_rate:
            self.cost = self.control.initial_cost
        return False

    def _count_stale(self, norm: float, kept_norm: float) -> None:
        bar = self.control.progress * self.progress_norm
        if kept_norm < bar:
            self.progress_norm, self._stale = kept_norm, 0
        elif math.isfinite(kept_norm) and norm >= bar:
            self._stale += 1

    def _move(self, attack_rate: float) -> None:
        self._rate += (1.0 - self.control.memory) * (attack_rate - self._rate)
        bands = (self._rate - self.control.attack_rate) / self.control.band
        self._reached = self._reached or bands < 0
        self.cost *= self.control.gain ** max(bands, -self.control.largest_fall)
