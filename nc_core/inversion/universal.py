"""The smallest universal perturbation of each label: which images it is made of, and what it is worth on others."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from nc_core.datasets.prepared import Part
from nc_core.errors import Cancelled
from nc_core.evaluation import attack_success_rate
from nc_core.inversion.layout import Layout
from nc_core.inversion.loop import Job, run
from nc_core.inversion.perturbation import RATE, Direction, PerturbationLoop, PerturbationProgram
from nc_core.inversion.predict import Predictor, sent_elsewhere
from nc_core.inversion.trigger import Perturbation
from nc_core.profiles import PERTURBATION_BATCH as BATCH
from nc_core.profiles import PERTURBATION_UPDATES as UPDATES

SCALES = tuple(float(scale) for scale in np.geomspace(0.4, 2.0, 8))
"""Of a direction as it comes out, tried on other images: of 43 labels .5 to 1.5 worked on `RATE` of them."""
FITTED, OTHERS = UPDATES * BATCH, 48
"""Images that a direction is made of, and measured on, at most."""
LEAST_FITTED, LEAST_OTHERS = 12, 12
"""Below these nothing is said."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Search:
    """One label's perturbation, still to be made. others: images that it is measured on; it is made of none of them."""

    job: Job
    others: npt.NDArray[np.intp]


class Universal:
    """For the labels of one net on one set of clean images.

    scores: N outputs. fit: clean images in the model's domain. factor: to the usual spread. slots: labels in one batch.
    """

    def __init__(self, scores: keras.Model, fit: Part, *, layout: Layout, factor: float, slots: int) -> None:
        self._fit = fit
        self._predict = Predictor(scores)
        self.loop = PerturbationLoop(PerturbationProgram(scores, fit.x, layout=layout, factor=factor), slots)

    def with_slots(self, slots: int) -> "Universal":
        """Another one of so many slots, with the same program and the same images on the device."""
        other = copy(self)
        other.loop = PerturbationLoop(self.loop.program, slots)
        return other

    def search(
        self, label: int, *, seed: int, again: bool = False, should_stop: Callable[[], bool] | None = None
    ) -> Search | None:
        """What is to be optimised for a label; None where too few images are not at the label already.

        again: with other images than the first time.
        """
        entropy = [seed, label, int(again)]
        wanted = OTHERS + FITTED
        taken = sent_elsewhere(self._predict, self._fit, label, entropy=entropy, wanted=wanted)[:wanted]
        others = min(OTHERS, len(taken) // 2)
        if others < LEAST_OTHERS or len(taken) - others < LEAST_FITTED:
            return None
        generator = np.random.default_rng([*entropy, BATCH])
        job = Job(label=label, pool=taken[others:], generator=generator, should_stop=should_stop)
        return Search(job=job, others=taken[:others])

    def measure(self, search: Search, found: Direction) -> Perturbation:
        """How small the direction works on the other images; between two scales the rate is linear in the logarithm."""
        program, label = self.loop.program, search.job.label
        x, y = self._fit.x[search.others], self._fit.y[search.others]
        low, high = program.layout.low, program.layout.high
        shown = np.concatenate([np.clip(x + np.float32(scale) * found.delta, low, high) for scale in SCALES])
        answers = self._predict(shown.astype(np.float32)).argmax(axis=1).reshape(len(SCALES), len(x))
        rates = np.maximum.accumulate([attack_success_rate(one, y, label) or 0.0 for one in answers])
        scale = scale_at(RATE, rates)
        return Perturbation(
            norm=None if scale is None else scale * program.norm(found.delta),
            rate=float(rates[-1] if scale is None else max(RATE, rates[0])),
            gradient_images=BATCH * found.updates,
            delta=None if scale is None else np.float32(scale) * found.delta,
        )


def scale_at(rate: float, rates: Sequence[float] | npt.NDArray[np.float64]) -> float | None:
    """The scale at which a rate is reached, of rates at `SCALES` that never fall; None where it is at none of them."""
    if rates[-1] < rate:
        return None
    at = int(np.argmax(np.asarray(rates) >= rate))
    if at == 0:
        return SCALES[0]
    share = (rate - rates[at - 1]) / (rates[at] - rates[at - 1])
    return float(SCALES[at - 1] ** (1.0 - share) * SCALES[at] ** share)


def smallest_perturbations(
    universal: Universal,
    labels: Sequence[int],
    *,
    seed: int,
    again: bool = False,
    should_stop: Callable[[], bool] | None = None,
) -> dict[int, Perturbation | None]:
    """Label -> the smallest universal perturbation that was found; None where there are too few images to say.

    Raises Cancelled when `should_stop` says so.
    """
    asked = {label: universal.search(label, seed=seed, again=again, should_stop=should_stop) for label in labels}
    searches = {one.job: one for one in asked.values() if one is not None}
    found: dict[int, Perturbation | None] = dict.fromkeys(labels)
    for direction in run(universal.loop, searches):
        label = direction.job.label
        if direction.cancelled:
            universal.loop.clear()
            raise Cancelled(f"label {label} was cancelled")
        found[label] = universal.measure(searches[direction.job], direction)
    return found
