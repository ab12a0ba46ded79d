"""When lambda moves and when to stop: the control loop of Neural Cleanse, one label's worth."""

import math
from dataclasses import dataclass, field

from nc_core.inversion.profiles import Profile


@dataclass(kw_only=True)
class Schedule:
    """The state of one label's schedule; `observe` advances it by one step.

    lambda starts at 0 and is switched on once the attack has succeeded for `patience` steps in a row; then it grows
    after `patience` good steps and shrinks after `patience` bad ones (authors' code, visualizer). A lambda that never
    grows never makes the mask small, so growth hangs on the attack rate alone.
    """

    profile: Profile
    cost: float = 0.0
    steps: int = 0
    progress_norm: float = math.inf
    _good: int = field(default=0, init=False)
    _bad: int = field(default=0, init=False)
    _good_at_zero: int = field(default=0, init=False)
    _went_up: bool = field(default=False, init=False)
    _went_down: bool = field(default=False, init=False)
    _stale: int = field(default=0, init=False)

    def observe(self, attack_rate: float, norm: float, kept_norm: float) -> bool:
        """Take one step's mean attack rate and mean norm, and the norm of the kept mask (infinite without one).

        True when the optimisation is over.
        """
        self.steps += 1
        self._count_stale(norm, kept_norm)
        if self._early_stop() or self.steps >= self.profile.max_steps:
            return True
        good = attack_rate >= self.profile.attack_threshold
        self._switch_on(good)
        self._move(good)
        return False

    def _count_stale(self, norm: float, kept_norm: float) -> None:
        bar = self.profile.early_stop_threshold * self.progress_norm
        if kept_norm < bar:
            self.progress_norm, self._stale = kept_norm, 0
        elif math.isfinite(kept_norm) and not (self.profile.early_stop_waits and norm < bar):
            self._stale += 1

    def _early_stop(self) -> bool:
        return self._went_up and self._went_down and self._stale >= self.profile.early_stop_patience

    def _switch_on(self, good: bool) -> None:
        if self.cost > 0 or not good:
            self._good_at_zero = 0
            return
        self._good_at_zero += 1
        if self._good_at_zero >= self.profile.patience:
            self.cost = self.profile.initial_cost
            self._good = self._bad = 0
            self._went_up = self._went_down = False

    def _move(self, good: bool) -> None:
        self._good, self._bad = (self._good + 1, 0) if good else (0, self._bad + 1)
        if self._good >= self.profile.patience:
            self.cost, self._good, self._went_up = self.cost * self.profile.cost_multiplier_up, 0, True
        elif self._bad >= self.profile.patience:
            self.cost, self._bad, self._went_down = self.cost / self.profile.cost_multiplier_down, 0, True
