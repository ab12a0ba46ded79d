"""How a net does on the held-out images, clean and stamped."""

from collections.abc import Mapping
from dataclasses import dataclass

from nc_core.evaluation import accuracy, attack_success_rate
from nc_core.inversion import Predictor, Trigger
from nc_core.prepared import Part


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Shares in 0..1: clean accuracy, and per target label the attack success rate of its trigger."""

    accuracy: float
    reversed_rates: dict[int, float]


def measure(predict: Predictor, holdout: Part, triggers: Mapping[int, Trigger]) -> Measures:
    """Measure a net on held-out images; images of a target class do not count for its trigger."""
    rates = {}
    for label, trigger in triggers.items():
        others = holdout.y != label
        rates[label] = attack_success_rate(predict(trigger.stamp(holdout.x[others])), holdout.y[others], label)
    return Measures(accuracy=accuracy(predict(holdout.x), holdout.y), reversed_rates=rates)
