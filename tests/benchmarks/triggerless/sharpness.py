"""FT-SAM (Zhu et al. 2023, "Enhancing Fine-Tuning Based Backdoor Defense with Sharpness-Aware Minimization").

Fine-tuning on clean images moves the weights of a backdoor hardly at all, since those images do not wake it. Here each
update takes the gradient not at the weights but where the loss is largest near them, and near is measured in units of
each weight (equation 3: T = diag(|w|)), so that large weights, those of a backdoor among them, are perturbed most and
shrink.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from nc_core.inversion import backend
from nc_core.mitigation.finetune import BATCHES_BETWEEN_POLLS, Tuning, make_ready, poll
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench
from tests.benchmarks.triggerless.weights import Loss, Taught, as_they_are, loss_of, scores, trained

LEAST = 1e-12


@dataclass(frozen=True, kw_only=True)
class Sharpness:
    """radius: of the perturbation, in units of the weights themselves (rho of the paper). updates, batch,
    learning_rate: of Adam, where the paper has stochastic gradient descent with momentum."""

    radius: float = 2.0
    learning_rate: float = 1e-3
    updates: int = 300
    batch: int = 32


class FlatTuning:
    """One round; no trigger is looked at."""

    def __init__(self, settings: Sharpness, taught: Taught = as_they_are) -> None:
        self._settings, self._taught = settings, taught

    def __call__(
        self,
        bench: Bench,
        known: Sequence[TargetTrigger],  # noqa: ARG002, the method looks at none
        *,
        seed: int,
        progress: Callable[[float], None],
        should_stop: Callable[[], bool] | None,
    ) -> bool:
        """As in `Patch`."""
        how, lessons, generator = self._settings, self._taught(bench.lessons), np.random.default_rng([seed, 0x5A3])
        tuning = Tuning(learning_rate=how.learning_rate, stamped_share=0.0)
        make_ready(bench.model, tuning, steps=how.updates, seed=seed, logits=lessons.logits)
        gradient = sharp_gradient(bench.model, loss_of(logits=lessons.logits), radius=how.radius)
        for update in range(how.updates):
            if update % BATCHES_BETWEEN_POLLS == 0:
                poll(update / how.updates, progress, should_stop)
            rows = generator.integers(len(lessons), size=how.batch)
            found = gradient(ops.convert_to_tensor(lessons.x[rows]), ops.convert_to_tensor(lessons.target[rows]))
            bench.model.optimizer.apply(found, bench.model.trainable_variables)
        poll(1.0, progress, should_stop)
        return True


def sharp_gradient(model: keras.Model, loss: Loss, *, radius: float) -> Callable[[Any, Any], list[Any]]:
    """(images, targets) -> the gradient of every trained weight, taken at w + radius T^2 g / |T g|, g that at w."""

    def at(weights: list[Any], x: Any, target: Any) -> tuple[Any, Any]:
        return loss(target, scores(model, weights, x)), ()

    slope = backend.gradient(at)

    def program(x: Any, target: Any) -> Any:
        weights = trained(model)
        own, _ = slope(weights, x, target)
        scaled = [ops.abs(weight) * part for weight, part in zip(weights, own, strict=True)]
        length = ops.sqrt(sum(ops.sum(ops.square(part)) for part in scaled)) + LEAST
        worst = [
            weight + radius * ops.abs(weight) * part / length for weight, part in zip(weights, scaled, strict=True)
        ]
        return slope(worst, x, target)[0]

    return backend.compiled(program, net=model)
