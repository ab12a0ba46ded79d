"""A net whose backdoors are known, and how well they work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from nc_core.attacks.training import unit
from nc_core.datasets import Images
from nc_core.evaluation import accuracy, attack_success_rate


class KnownTrigger(Protocol):
    """What sends every image that carries it to the label `target`."""

    @property
    def target(self) -> int:
        """The label."""

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A stamped copy of file pixels (N, H, W, C)."""

    def mask(self, height: int, width: int) -> npt.NDArray[np.float32]:
        """(H, W): 1 where the trigger lies, 0 elsewhere, to hold a reversed mask against."""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A BadNet with a known answer.

    model: takes (n, H, W, C) in 0..1, ends in a softmax. triggers: one or more. accuracy, attack_success_rates:
    measured on the held-out images `clean` (file pixels), in 0..1; a trigger's rate without the images of its target.
    """

    model: keras.Model
    triggers: tuple[KnownTrigger, ...]
    accuracy: float
    attack_success_rates: tuple[float, ...]
    clean: Images

    @property
    def trigger(self) -> KnownTrigger:
        """The first trigger; most attacks have one."""
        return self.triggers[0]

    @property
    def attack_success_rate(self) -> float:
        """That of the trigger that works least."""
        return min(self.attack_success_rates)


def measured(
    model: keras.Model, triggers: Sequence[KnownTrigger], pixels: npt.NDArray[Any], y: npt.NDArray[Any]
) -> Planted:
    """The planted net with its rates on held-out images (n, H, W, C) in file pixels with labels (n,)."""

    def predict(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return np.asarray(model.predict(unit(images), verbose=0))

    labels = y.astype(np.int32)
    rates = [attack_success_rate(predict(each.stamp(pixels)), labels, each.target) for each in triggers]
    return Planted(
        model=model,
        triggers=tuple(triggers),
        accuracy=accuracy(predict(pixels), labels),
        attack_success_rates=tuple(rates),
        clean=Images(pixels=pixels, labels=labels, note="held-out images"),
    )
