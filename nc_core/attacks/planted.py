"""A net whose backdoors are known, and how well they work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.attacks.training import unit
from nc_core.attacks.trigger import Trigger, misled
from nc_core.datasets import Images
from nc_core.evaluation import accuracy, agreement


@dataclass(frozen=True, kw_only=True, repr=False)
class Planted:
    """A BadNet with a known answer.

    model: takes (n, H, W, C) in 0..1, ends in a softmax. triggers: one or more. accuracy, attack_success_rates:
    measured on the held-out images `clean` (file pixels), in 0..1; a trigger's rate on those that it is to mislead.
    """

    model: keras.Model
    triggers: tuple[Trigger, ...]
    accuracy: float
    attack_success_rates: tuple[float, ...]
    clean: Images

    def __repr__(self) -> str:
        """One line; the arrays would be pages."""
        rates = ", ".join(f"{rate:.1%}" for rate in self.attack_success_rates)
        return f"<Planted: accuracy {self.accuracy:.1%}, attack success rate {rates}, {len(self.clean)} clean images>"

    @property
    def poisoned(self) -> Images:
        """Every trigger on the held-out pictures that it is to mislead, labelled with what they are to be called."""
        pixels, labels = self.clean.pixels, self.clean.labels
        assert labels is not None
        chosen = [(trigger, misled(trigger, labels)) for trigger in self.triggers]
        return Images(
            pixels=np.concatenate([trigger.stamp(pixels[others]) for trigger, others in chosen]),
            labels=np.concatenate([trigger.answers(labels[others]) for trigger, others in chosen]),
            note="stamped images",
        )

    @property
    def trigger(self) -> Trigger:
        """The first trigger; most attacks have one."""
        return self.triggers[0]

    @property
    def attack_success_rate(self) -> float:
        """That of the trigger that works least."""
        return min(self.attack_success_rates)


def measured(model: keras.Model, triggers: Sequence[Trigger], pixels: npt.NDArray[Any], y: npt.NDArray[Any]) -> Planted:
    """The planted net with its rates on held-out images (n, H, W, C) in file pixels with labels (n,)."""

    def predict(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return np.asarray(model.predict(unit(images), verbose=0))

    labels = y.astype(np.int32)
    rates = []
    for trigger in triggers:
        others = misled(trigger, labels)
        rates.append(agreement(predict(trigger.stamp(pixels[others])), trigger.answers(labels[others])))
    return Planted(
        model=model,
        triggers=tuple(triggers),
        accuracy=accuracy(predict(pixels), labels),
        attack_success_rates=tuple(rates),
        clean=Images(pixels=pixels, labels=labels, note="held-out images"),
    )
