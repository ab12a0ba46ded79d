"""I-BAU (Zeng et al. 2022, "Adversarial Unlearning of Backdoors via Implicit Hypergradient").

Minimises over the weights what one universal perturbation at most does to all images (equation 1). The perturbation is
an answer to the weights, so the gradient of the weights has a second part, through it (equation 5): the perturbation is
taken as the fixed point of a step of gradient ascent, and the linear equation that this part needs is solved by a few
iterations (Grazzi et al. 2020). No label is known to be a target.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.datasets.domain import Domain
from nc_core.inversion import backend
from nc_core.mitigation.finetune import Tuning, make_ready, poll
from nc_core.mitigation.lessons import Lessons, TargetTrigger
from nc_core.mitigation.loop import Bench
from tests.benchmarks.triggerless.weights import Loss, Taught, as_they_are, loss_of, scores, trained

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Minimax:
    """rms: of the perturbation over pixels and channels, as a share of the range, at most (the paper's bound of 10 on
    32x32x3 is 0.18). rounds: a perturbation each, begun anew. ascents: its steps, each `step` of the longest.
    updates: of the weights after it. iterations: of the fixed point, rate: of its step, decay: of the perturbation,
    as in the authors' code. batch: images of each step."""

    rms: float = 0.12
    rounds: int = 20
    ascents: int = 10
    step: float = 1 / 4
    updates: int = 10
    iterations: int = 5
    rate: float = 0.1
    decay: float = 1e-3
    batch: int = 32
    learning_rate: float = 3e-4


class Programs(NamedTuple):
    """ascent: (delta, images, labels) -> gradient of delta. descent: (delta, images, labels, targets) -> gradients of
    the trained weights."""

    ascent: Callable[..., Any]
    descent: Callable[..., Any]


class AdversarialUnlearning:
    """One round; no trigger is looked at."""

    def __init__(self, settings: Minimax, taught: Taught = as_they_are) -> None:
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
        how, lessons, generator = self._settings, self._taught(bench.lessons), np.random.default_rng([seed, 0x1BA])
        tuning = Tuning(learning_rate=how.learning_rate, stamped_share=0.0)
        make_ready(bench.model, tuning, steps=how.rounds * how.updates, seed=seed, logits=lessons.logits)
        programs = programs_of(bench.model, bench.case.prepared.domain, loss_of(logits=lessons.logits), how)
        for done in range(how.rounds):
            poll(done / how.rounds, progress, should_stop)
            delta = ops.convert_to_tensor(self._worst(programs, lessons, generator))
            for _ in range(how.updates):
                rows = generator.integers(len(lessons), size=how.batch)
                given = map(ops.convert_to_tensor, (lessons.x[rows], lessons.y[rows], lessons.target[rows]))
                bench.model.optimizer.apply(programs.descent(delta, *given), bench.model.trainable_variables)
        poll(1.0, progress, should_stop)
        return True

    def _worst(self, programs: Programs, lessons: Lessons, generator: np.random.Generator) -> Array:
        """The perturbation (H, W, C) that the net of now errs most by."""
        how, shape = self._settings, lessons.x.shape[1:]
        longest = how.rms * float(np.sqrt(np.prod(shape)))
        delta = np.zeros(shape, np.float32)
        for _ in range(how.ascents):
            rows = generator.integers(len(lessons), size=how.batch)
            given = map(ops.convert_to_tensor, (delta, lessons.x[rows], lessons.y[rows]))
            slope = np.asarray(programs.ascent(*given), np.float32)
            delta = delta - how.step * longest * slope / max(float(np.linalg.norm(slope)), 1e-12)
            delta *= min(1.0, longest / max(float(np.linalg.norm(delta)), 1e-12))
        return delta.astype(np.float32)


def programs_of(model: keras.Model, domain: Domain, loss: Loss, how: Minimax) -> Programs:
    """Both steps, compiled."""
    low, high = np.float32(domain.low), np.float32(domain.high)

    def moved(delta: Any, x: Any) -> Any:
        return ops.clip(x + delta * (high - low), low, high)

    def inner(delta: Any, weights: list[Any], x: Any, y: Any) -> tuple[Any, Any]:
        answers = scores(model, weights, moved(delta, x))
        gained = ops.mean(ops.sparse_categorical_crossentropy(y, answers, from_logits=True))
        return how.decay * ops.sum(ops.square(delta)) - gained, ()

    def outer(both: tuple[Any, list[Any]], x: Any, target: Any) -> tuple[Any, Any]:
        delta, weights = both
        half = how.batch // 2
        seen = ops.concatenate([moved(delta, x[:half]), x[half:]])
        return loss(target, scores(model, weights, seen)), ()

    slope = backend.gradient(inner)

    def along(both: tuple[Any, list[Any]], v: Any, x: Any, y: Any) -> tuple[Any, Any]:
        return ops.sum(slope(both[0], both[1], x, y)[0] * v), ()

    second, first = backend.gradient(along), backend.gradient(outer)

    def ascent(delta: Any, x: Any, y: Any) -> Any:
        return slope(delta, trained(model), x, y)[0]

    def descent(delta: Any, x: Any, y: Any, target: Any) -> Any:
        both = (delta, trained(model))
        (by_delta, direct), _ = first(both, x, target)
        v = by_delta
        for _ in range(how.iterations - 1):
            v = v - how.rate * second(both, v, x, y)[0][0] + by_delta
        through = second(both, v, x, y)[0][1]
        return [own - how.rate * part for own, part in zip(direct, through, strict=True)]

    return Programs(
        ascent=backend.compiled(ascent, net=model),
        descent=backend.compiled(descent, net=model),
    )
