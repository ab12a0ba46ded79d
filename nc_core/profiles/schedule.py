"""What drives one label's optimisation: how much a pixel of the mask costs, and when it is over."""

from typing import Protocol


class Schedule(Protocol):
    """The state of one label's schedule.

    cost: lambda, the weight of the mask's norm; set before the first step where an earlier round had found one. steps:
    taken so far.
    """

    cost: float
    steps: int

    def observe(self, attack_rate: float, norm: float, kept_norm: float) -> bool:
        """Take one step's mean attack rate and mean norm, and the norm of the kept mask (infinite without one).

        True when the optimisation is over.
        """
        ...


class Control(Protocol):
    """Settings of a schedule."""

    def schedule(self, max_steps: int) -> Schedule:
        """A fresh schedule that ends after `max_steps` at the latest."""
        ...
