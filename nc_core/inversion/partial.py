"""How large a trigger must be that sends most images to a label, and not all: evidence of triggers that fail on some.

A trigger that was planted and works on 80 to 95% of the images leaves some that it does not move, and the mask that
brings these along is as large as a clean label's. So the trigger of a few images that works best on others
(`nc_core.inversion.transfer`) is grown until most are at the label, and no further. The planted one hardly grows; a
clean label's does, as every other's does, beside which it is judged. From a random start the short way is not found.
"""

from collections.abc import Callable, Mapping
from copy import copy

import keras
import numpy as np

from nc_core.datasets.prepared import Prepared
from nc_core.errors import Cancelled
from nc_core.inversion.layout import Layout
from nc_core.inversion.loop import Job, run
from nc_core.inversion.predict import Predictor, holdout_rate
from nc_core.inversion.program import SlotProgram
from nc_core.inversion.slots import Outcome, SlotLoop
from nc_core.inversion.trigger import Begun, Partial, Trigger
from nc_core.profiles import PARTIAL, PARTIAL_COST

SLACK = 0.2
"""By how much the rate on held-out images may fall short of the one asked for: the last steps are few images."""


class Partials:
    """For the labels of one net on one set of clean data.

    scores: N outputs. factor: to the usual spread. slots: labels in one batch.
    """

    def __init__(self, scores: keras.Model, prepared: Prepared, *, layout: Layout, factor: float, slots: int) -> None:
        self._prepared = prepared
        self._predict = Predictor(scores)
        self.loop = SlotLoop(SlotProgram(scores, prepared.fit.x, layout=layout, profile=PARTIAL, factor=factor), slots)

    def with_slots(self, slots: int) -> "Partials":
        """Another one of so many slots, with the same program and the same images on the device."""
        other = copy(self)
        other.loop = SlotLoop(self.loop.program, slots)
        return other

    def job(
        self,
        label: int,
        few: Trigger,
        *,
        seed: int,
        again: bool = False,
        should_stop: Callable[[], bool] | None = None,
    ) -> Job:
        """What is to be optimised for a label. few: the trigger of few images that it begins with. again: as there."""
        return Job(
            label=label,
            pool=np.flatnonzero(self._prepared.fit.y != label),
            generator=np.random.default_rng([seed, label, int(again), PARTIAL.max_steps]),
            begun=Begun(trigger=few, cost=PARTIAL_COST),
            should_stop=should_stop,
        )

    def measure(self, outcome: Outcome) -> Partial:
        """What came of a label's job: no norm where no mask holds on held-out images."""
        trigger, images = outcome.trigger, outcome.updates * PARTIAL.batch
        if trigger is None:
            return Partial(norm=None, rate=0.0, gradient_images=images)
        rate = holdout_rate(self._predict, self._prepared.holdout, outcome.job.label, trigger)
        holds = rate is None or rate >= PARTIAL.gate_threshold - SLACK
        return Partial(norm=trigger.norm if holds else None, rate=rate or 0.0, gradient_images=images)


def partial_triggers(
    partials: Partials,
    few: Mapping[int, Trigger],
    *,
    seed: int,
    again: bool = False,
    should_stop: Callable[[], bool] | None = None,
) -> dict[int, Partial]:
    """Label -> the smallest trigger of most images that was found. few: label -> the trigger that it begins with.

    Raises Cancelled when `should_stop` says so.
    """
    jobs = [partials.job(label, one, seed=seed, again=again, should_stop=should_stop) for label, one in few.items()]
    found: dict[int, Partial] = {}
    for outcome in run(partials.loop, jobs):
        label = outcome.job.label
        if outcome.cancelled:
            partials.loop.clear()
            raise Cancelled(f"label {label} was cancelled")
        found[label] = partials.measure(outcome)
    return found
