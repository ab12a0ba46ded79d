"""The schedule of Neural Cleanse as published: lambda is multiplied or divided after so many good or bad steps."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class PublishedControl:
    """Settings of the authors' loop (authors' code, visualizer).

    initial_cost: lambda once it is switched on; it is 0 before. cost_multiplier_up, cost_multiplier_down: factors by
    which it grows and shrinks. attack_threshold: a step is good from this attack success rate on. patience: good steps
    before lambda grows, bad steps before it shrinks. early_stop_threshold: a kept mask counts as progress when its norm
    is below this share of the last one that did. early_stop_patience: steps without progress, after lambda has gone
    both ways, that end the optimisation.
    """

    initial_cost: float = 1e-3
    cost_multiplier_up: float = 2.0
    cost_multiplier_down: float = 2.0**1.5
    attack_threshold: float = 0.99
    patience: int = 5
    early_stop_threshold: float = 1.0
    early_stop_patience: int = 25

    def schedule(self, max_steps: int) -> "PublishedSchedule":
        """A fresh schedule that ends after `max_steps` at the latest."""
        return PublishedSchedule(control=self, max_steps=max_steps)


@dataclass(kw_only=True)
class PublishedSchedule:
    """lambda starts at 0 and is switched on once the attack has succeeded for `patience` steps in a row.

    Then it grows after `patience` good steps and shrinks after `patience` bad ones. A lambda that never grows never
    makes the mask small, so growth hangs on the attack rate alone.
    """

    control: PublishedControl
    max_steps: int
    cost: float = 0.0
    steps: int = 0
    progress_norm: float = math.inf
    _good: int = field(default=0, init=False)
    _bad: int = field(default=0, init=False)
    _good_at_zero: int = field(default=0, init=False)
    _went_up: bool = field(default=False, init=False)
    _went_down: bool = field(default=False, init=False)
    _stale: int = field(default=0, init=False)

    def observe(self, attack_rate: float, norm: float, kept_norm: float) -> bool:  # noqa: ARG002
        """See `nc_core.profiles.schedule.Schedule`."""
        self.steps += 1
        self._count_stale(kept_norm)
        if self._early_stop() or self.steps >= self.max_steps:
            return True
        good = attack_rate >= self.control.attack_threshold
        self._switch_on(good)
        self._move(good)
        return False

    def _count_stale(self, kept_norm: float) -> None:
        if kept_norm < self.control.early_stop_threshold * self.progress_norm:
            self.progress_norm, self._stale = kept_norm, 0
        elif math.isfinite(kept_norm):
            self._stale += 1

    def _early_stop(self) -> bool:
        return self._went_up and self._went_down and self._stale >= self.control.early_stop_patience

    def _switch_on(self, good: bool) -> None:
        if self.cost > 0 or not good:
            self._good_at_zero = 0
            return
        self._good_at_zero += 1
        if self._good_at_zero >= self.control.patience:
            self.cost = self.control.initial_cost
            self._good = self._bad = 0
            self._went_up = self._went_down = False

    def _move(self, good: bool) -> None:
        self._good, self._bad = (self._good + 1, 0) if good else (0, self._bad + 1)
        if self._good >= self.control.patience:
            self.cost, self._good, self._went_up = self.cost * self.control.cost_multiplier_up, 0, True
        elif self._bad >= self.control.patience:
            self.cost, self._bad, self._went_down = self.cost / self.control.cost_multiplier_down, 0, True
