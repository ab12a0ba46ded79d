"""The control of a pruning: as many units of the same rows, drawn at random.

A net loses an attack also with any part of itself: what a choice of units is worth is what it does beyond a blind one.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.inversion import Predictor
from nc_core.mitigation.case import Case
from nc_core.mitigation.measures import measure
from nc_core.mitigation.units import Silencer, Site
from nc_core.models import build_logits

DRAWS = 5

Units = npt.NDArray[np.int64]
Tune = Callable[[keras.Model, Silencer, Units, int], None]
"""(net, its silencer, silent units, seed) -> fine-tuned in place, as the method itself does after its pruning."""


@dataclass(frozen=True, kw_only=True)
class Control:
    """Means over the draws, on held-out images. units: silenced in each. attack_success_rate: of the trigger that works
    best then."""

    draws: int
    units: int
    attack_success_rate: float
    accuracy: float

    def to_json(self) -> dict[str, Any]:
        """The same as plain numbers."""
        return asdict(self)

    def note(self) -> str:
        """A sentence for people."""
        times = "once" if self.draws == 1 else f"{self.draws} times"
        return (
            f"control: as many units ({self.units}) drawn at random, {times}, leave an attack success rate of "
            f"{self.attack_success_rate:.1%} at an accuracy of {self.accuracy:.1%}"
        )


def control_of(case: Case, silent: Mapping[Site, int], *, draws: int = DRAWS, tune: Tune | None = None) -> Control:
    """What silencing as many units of each site does where they are drawn at random.

    silent: how many units of each site the method has silenced. tune: what the method does after its pruning.
    """
    attacks, accuracies = [], []
    for draw in range(draws):
        generator = np.random.default_rng([case.seed, draw])
        model = build_logits(case.canonical)
        for site, count in silent.items():
            units = generator.choice(site.units, size=count, replace=False)
            silencer = Silencer(model, site)
            silencer.silence(units)
            if tune is not None:
                tune(model, silencer, units, int(generator.integers(2**31)))
        found = measure(Predictor(model), case.prepared.holdout, case.triggers)
        attacks.append(max(found.reversed_rates.values()))
        accuracies.append(found.accuracy)
    return Control(
        draws=draws,
        units=sum(silent.values()),
        attack_success_rate=float(np.mean(attacks)),
        accuracy=float(np.mean(accuracies)),
    )
