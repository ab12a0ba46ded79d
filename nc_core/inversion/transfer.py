"""Does a trigger that a few images need work on others? Evidence of a label that needs no other label.

A planted trigger is the cheapest way to the label for any image, so what is found with a few images is the trigger and
works on all. A clean label has no such way: each image has its own, and what a few have in common is theirs (expected
transferability, Xiang et al. ICLR 2022: there of single images, which leave a part of the trigger out).
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from nc_core.datasets.prepared import Prepared
from nc_core.errors import Cancelled
from nc_core.evaluation import attack_success_rate
from nc_core.inversion.layout import Layout
from nc_core.inversion.loop import Job, run
from nc_core.inversion.predict import Predictor, sent_elsewhere
from nc_core.inversion.program import SlotProgram
from nc_core.inversion.slots import Outcome, SlotLoop
from nc_core.inversion.trigger import Transferability
from nc_core.profiles import FEW, FEW_DRAWS

OTHERS = 48
"""Images that each of them is tried on, at most; no trigger was made with one."""
LEAST_DRAWS, LEAST_OTHERS = 3, 12
"""Below these nothing is said."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """One label's triggers of a few images, still to be made: a job each. others: images that they are tried on."""

    label: int
    jobs: tuple[Job, ...]
    others: npt.NDArray[np.intp]


class Transfer:
    """For the labels of one net on one set of clean data.

    scores: N outputs. factor: to the usual spread. slots: labels of the scan in one batch. The loop takes the triggers
    of one label at a time, or of as many as that allows for: a multiple of `FEW_DRAWS`, since in batches as small as
    four images the last bits depend on how many there are.
    """

    def __init__(self, scores: keras.Model, prepared: Prepared, *, layout: Layout, factor: float, slots: int) -> None:
        self._prepared, self._layout = prepared, layout
        self._predict = Predictor(scores)
        program = SlotProgram(scores, prepared.fit.x, layout=layout, profile=FEW, factor=factor)
        self.loop = _loop(program, slots)

    def with_slots(self, slots: int) -> "Transfer":
        """Another one beside so many labels in one batch, with the same program and the same images on the device."""
        other = copy(self)
        other.loop = _loop(self.loop.program, slots)
        return other

    def draws(
        self, label: int, *, seed: int, again: bool = False, should_stop: Callable[[], bool] | None = None
    ) -> Draws | None:
        """What is to be optimised for a label; None where too few images are not at the label already.

        again: other draws than the first time, of other images.
        """
        entropy = (seed, label, int(again))
        wanted = OTHERS + FEW_DRAWS * FEW.batch
        taken = sent_elsewhere(self._predict, self._prepared.fit, label, entropy=entropy, wanted=wanted)
        others = min(OTHERS, len(taken) // 2)
        draws = min(FEW_DRAWS, (len(taken) - others) // FEW.batch)
        if draws < LEAST_DRAWS or others < LEAST_OTHERS:
            return None
        pools = np.split(taken[others : others + draws * FEW.batch], draws)
        jobs = (
            Job(label=label, pool=pool, generator=np.random.default_rng([*entropy, draw]), should_stop=should_stop)
            for draw, pool in enumerate(pools)
        )
        return Draws(label=label, jobs=tuple(jobs), others=taken[:others])

    def measure(self, draws: Draws, ended: Sequence[Outcome]) -> Transferability:
        """How the triggers that came out of the draws do on the other images."""
        triggers = [one.trigger for one in ended if one.trigger is not None]
        x, y = self._prepared.fit.x[draws.others], self._prepared.fit.y[draws.others]
        predicted = self._predict(np.concatenate([one.stamp(x) for one in triggers])) if triggers else np.empty((0, 1))
        answers = predicted.argmax(axis=1).reshape(len(triggers), len(x))
        rates = [attack_success_rate(one, y, draws.label) or 0.0 for one in answers]
        best = max(zip(rates, triggers, strict=True), key=lambda one: (one[0], -one[1].norm), default=None)
        return Transferability(
            best=None if best is None else best[1],
            # A few images that nothing sends to the label have nothing that others could share.
            rate=sum(rates) / len(draws.jobs),
            norm=float(np.median([trigger.norm for trigger in triggers])) if triggers else float(self._layout.pixels),
            gradient_images=FEW.batch * sum(one.updates for one in ended),
        )


def transferabilities(
    transfer: Transfer,
    labels: Sequence[int],
    *,
    seed: int,
    again: bool = False,
    should_stop: Callable[[], bool] | None = None,
) -> dict[int, Transferability | None]:
    """Label -> whether triggers of a few images work on others; None where there are too few images to say.

    Raises Cancelled when `should_stop` says so.
    """
    asked = {label: transfer.draws(label, seed=seed, again=again, should_stop=should_stop) for label in labels}
    jobs = [job for draws in asked.values() if draws is not None for job in draws.jobs]
    ended: dict[Job, Outcome] = {}
    for outcome in run(transfer.loop, jobs):
        if outcome.cancelled:
            transfer.loop.clear()
            raise Cancelled(f"label {outcome.job.label} was cancelled")
        ended[outcome.job] = outcome
    return {
        label: None if draws is None else transfer.measure(draws, [ended[job] for job in draws.jobs])
        for label, draws in asked.items()
    }


def _loop(program: SlotProgram, slots: int) -> SlotLoop:
    return SlotLoop(program, FEW_DRAWS * max(1, slots // FEW_DRAWS))
