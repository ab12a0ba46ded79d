"""Named sets of hyperparameters of one inversion."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Settings of the optimisation of one trigger (Wang et al. 2019, section V-A, and the authors' code).

    A step is `updates_per_step` updates of Adam on batches of `batch` images; the attack rate and the norm of a step
    are means over its updates, and the schedule of lambda (`Schedule`) moves once a step.
    """

    name: str
    batch: int = 32
    """Images an update."""
    updates_per_step: int
    max_steps: int
    learning_rate: float = 0.1
    beta_1: float = 0.5
    """Adam's decay of the first moment."""
    beta_2: float = 0.9
    """Adam's decay of the second moment."""
    initial_cost: float = 1e-3
    """lambda once it is switched on; it is 0 before."""
    cost_multiplier_up: float
    cost_multiplier_down: float
    attack_threshold: float = 0.99
    """A step is good from this attack success rate on."""
    gate_threshold: float = 0.99
    """A mask may be kept from this attack success rate on."""
    gate_steps: int = 1
    """Steps whose mean attack rate a mask must pass with to be kept: a step of few images flatters by chance."""
    patience: int
    """Good steps before lambda grows, bad steps before it shrinks."""
    early_stop_threshold: float = 1.0
    """A kept mask counts as progress when its norm is below this share of the last one that did."""
    early_stop_patience: int
    """Steps without progress, after lambda has gone both ways, that end the optimisation."""
    early_stop_waits: bool = False
    """Whether a step whose mask is smaller than the kept one counts as no lack of progress, though it did not pass:
    lambda was too large for a moment, and a smaller one will let it pass."""

    @property
    def max_updates(self) -> int:
        """The budget of one label, in updates."""
        return self.updates_per_step * self.max_steps


PAPER = Profile(
    name="paper",
    updates_per_step=31,
    max_steps=1000,
    cost_multiplier_up=2.0,
    cost_multiplier_down=2.0**1.5,
    patience=5,
    early_stop_patience=25,
)
"""The authors' constants: 1000 images / batch of 32 = 31 updates a step."""

FAST = Profile(
    name="fast",
    batch=16,
    updates_per_step=6,
    max_steps=150,
    initial_cost=4e-3,
    cost_multiplier_up=1.25,
    cost_multiplier_down=1.25**3,
    gate_steps=3,
    gate_threshold=0.9925,
    patience=1,
    early_stop_threshold=0.98,
    early_stop_patience=10,
    early_stop_waits=True,
)
"""The default: lambda moves with every step of 6 updates on 16 images.

It comes to rest where three steps of four are good, at an attack rate a little above 0.99. The gate looks at the last
three steps (288 images) and asks for a little more, because the smallest of many masks that just pass is one that
was flattered by its images.
"""

THOROUGH = Profile(
    name="thorough",
    updates_per_step=8,
    max_steps=250,
    cost_multiplier_up=1.25,
    cost_multiplier_down=1.25**3,
    gate_steps=3,
    gate_threshold=0.995,
    patience=1,
    early_stop_patience=30,
    early_stop_waits=True,
)
"""The schedule of `fast` with steadier steps and more patience: smaller masks for several times the work."""

PROFILES = {profile.name: profile for profile in (PAPER, FAST, THOROUGH)}
