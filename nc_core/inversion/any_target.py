"""Where a trigger sends images that is free to send each anywhere: evidence of a net as a whole.

No trigger of an all-to-all backdoor (y -> y + 1; Gu et al. 2017, section 4.1.2) sends all images to one label, so
nothing that looks at labels one by one sees it. Here the smallest mask and pattern are looked for that take images away
from their answers, whereto ever:

    minimise  -log(1 - f(A(x, m, p))_y) + lambda sum|m|,  y = argmax f(x).

Of a clean net such a trigger draws images of all classes to one or two others. That of an all-to-all backdoor sends
each class to one of its own, so that the answer without the trigger says which one comes out with it. How much of the
answers' entropy that is, is *Theil's uncertainty coefficient* of the two (Theil 1970), less what chance gives.
"""

from collections.abc import Callable
from copy import copy
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.datasets.prepared import Prepared
from nc_core.detection.arrays import Moves
from nc_core.detection.class_map import LEAST_CLASSES, AnyTarget, uncertainty
from nc_core.errors import Cancelled
from nc_core.inversion.layout import Layout
from nc_core.inversion.loop import Job, run
from nc_core.inversion.predict import Predictor
from nc_core.inversion.program import SlotProgram
from nc_core.inversion.slots import SlotLoop
from nc_core.inversion.trigger import Trigger
from nc_core.profiles import ANY_TARGET, ANY_TARGET_STARTS

LEAST_IMAGES = 40
"""Fitting images, and images to measure on, below which nothing is said."""
MEASURED = 1000
"""Images that a trigger is measured on, at most."""


class AwayProgram(SlotProgram):
    """A `SlotProgram` that takes images away from their own answers; the slots' labels have no say.

    answers (n,): of the net to the fitting images.
    """

    def __init__(
        self,
        model: keras.Model,
        images: npt.NDArray[np.float32],
        answers: npt.NDArray[np.integer],
        *,
        layout: Layout,
        factor: float,
    ) -> None:
        self._own = ops.convert_to_tensor(answers.astype(np.int32))
        super().__init__(model, images, layout=layout, profile=ANY_TARGET, factor=factor)

    def _targets(self, index: Any, labels: Any) -> Any:
        del labels  # every image has its own
        own = ops.take(self._own, ops.reshape(index, (-1,)), axis=0)
        return ops.reshape(own, (-1, self.profile.batch))

    def _judged(self, logits: Any, targets: Any, at_target: Any) -> tuple[Any, Any]:
        """-log(1 - f_y) of logits (K, B, N), and whether the answer is another one than y."""
        own = ops.one_hot(targets, logits.shape[-1], dtype="bool")
        of_own = ops.squeeze(ops.take_along_axis(logits, targets[..., None], axis=-1), -1)
        others = ops.logsumexp(ops.where(own, -np.inf, logits), axis=-1)
        return ops.softplus(of_own - others), ops.logical_not(at_target)


class AnyTargets:
    """For one net on one set of clean data.

    scores: N outputs. factor: to the usual spread. slots: labels of the scan in one batch; no more starts are in one.
    """

    def __init__(self, scores: keras.Model, prepared: Prepared, *, layout: Layout, factor: float, slots: int) -> None:
        self._scores, self._prepared, self._layout, self._factor = scores, prepared, layout, factor
        self._predict = Predictor(scores)
        self.slots = min(slots, ANY_TARGET_STARTS)

    def with_slots(self, slots: int) -> "AnyTargets":
        """Another one beside so many labels in one batch."""
        other = copy(self)
        other.slots = min(slots, ANY_TARGET_STARTS)
        return other

    def __call__(self, *, seed: int, should_stop: Callable[[], bool] | None = None) -> AnyTarget | None:
        """The smallest trigger of several starts; None where classes or images are too few, or none converged.

        Raises Cancelled when `should_stop` says so, and OutOfDeviceMemory.
        """
        found = self.triggers(seed=seed, should_stop=should_stop)
        return min((one for one, _ in found), key=lambda one: one.norm, default=None)

    def triggers(self, *, seed: int, should_stop: Callable[[], bool] | None = None) -> list[tuple[AnyTarget, Trigger]]:
        """What every start has come to, with its trigger, in the model's own domain; without starts that came to none.

        Nothing is looked for on nets of so few classes that it would say nothing. Raises as a call does.
        """
        fit, holdout = self._prepared.fit, self._prepared.holdout
        if self._scores.output_shape[-1] < LEAST_CLASSES or min(len(fit), len(holdout)) < LEAST_IMAGES:
            return []
        program = AwayProgram(
            self._scores, fit.x, self._predict(fit.x).argmax(axis=1), layout=self._layout, factor=self._factor
        )
        jobs = [
            Job(
                label=0,
                pool=np.arange(len(fit)),
                generator=np.random.default_rng([seed, start, len(fit)]),
                should_stop=should_stop,
            )
            for start in range(ANY_TARGET_STARTS)
        ]
        ended = {outcome.job: outcome for outcome in run(SlotLoop(program, self.slots), jobs)}
        if any(outcome.cancelled for outcome in ended.values()):
            raise Cancelled("the trigger without a target was cancelled")
        images = ANY_TARGET.batch * sum(outcome.updates for outcome in ended.values())
        return [
            (self._measured(outcome.trigger, images), outcome.trigger)
            for outcome in (ended[job] for job in jobs)
            if outcome.trigger is not None
        ]

    def _measured(self, trigger: Trigger, images: int) -> AnyTarget:
        x = self._prepared.holdout.x[:MEASURED]
        before, after = (self._predict(shown).argmax(axis=1) for shown in (x, trigger.stamp(x)))
        moved, classes = before != after, self._scores.output_shape[-1]
        counts = np.zeros((classes, classes), np.int32)
        np.add.at(counts, (before, after), 1)
        return AnyTarget(
            norm=trigger.norm,
            attack_success_rate=float(np.mean(moved)),
            share=uncertainty(before[moved], after[moved]),
            class_map=class_map(before[moved], after[moved]),
            classes=classes,
            gradient_images=images,
            moves=Moves(mask=trigger.mask, pattern=trigger.pattern, counts=counts),
        )


def class_map(before: npt.NDArray[np.integer], after: npt.NDArray[np.integer]) -> dict[int, int]:
    """Each class of `before` (n,) -> the one that most of its images have in `after` (n,), the smallest of several."""
    return {int(label): int(np.bincount(after[before == label]).argmax()) for label in np.unique(before)}
