"""How a net does on the held-out images, clean and stamped."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nc_core.datasets.prepared import Part
from nc_core.evaluation import accuracy, attack_success_rate, recovery_accuracy
from nc_core.inversion import Predictor, Trigger


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Shares in 0..1: clean accuracy, and per target label, of its trigger, attack success rate and recovery accuracy.

    Recovery accuracy is the share of stamped images that get their true label all the same.
    """

    accuracy: float
    reversed_rates: dict[int, float]
    recovery: dict[int, float]


def measure(predict: Predictor, holdout: Part, triggers: Mapping[int, Trigger]) -> Measures:
    """Measure a net on held-out images; images of a target class do not count for its trigger."""
    rates, recovery = {}, {}
    for label, trigger in triggers.items():
        answers, y = stamped_answers(predict, holdout, label, trigger)
        rates[label] = attack_success_rate(answers, y, label)
        recovery[label] = recovery_accuracy(answers, y, label)
    clean = accuracy(predict(holdout.x), holdout.y)
    return Measures(accuracy=clean, reversed_rates=rates, recovery=recovery)


def stamped_answers(
    predict: Predictor, part: Part, label: int, trigger: Trigger
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Logits (n, N) of the images of other classes with the trigger, and their labels (n,)."""
    others = part.y != label
    return predict(trigger.stamp(part.x[others])), part.y[others]


def attack_rate(predict: Predictor, part: Part, label: int, trigger: Trigger) -> float:
    """The attack success rate of one trigger."""
    return attack_success_rate(*stamped_answers(predict, part, label, trigger), label)
