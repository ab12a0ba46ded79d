"""Does a trigger that a few images need work on others? Evidence of a label that needs no other label.

A planted trigger is the cheapest way to the label for any image, so what is found with a few images is the trigger and
works on all. A clean label has no such way: each image has its own, and what a few have in common is theirs (expected
transferability, Xiang et al. ICLR 2022: there of single images, which leave a part of the trigger out).
"""

import threading
from collections.abc import Callable

import keras
import numpy as np
import numpy.typing as npt

from nc_core.errors import Cancelled
from nc_core.evaluation import attack_success_rate
from nc_core.inversion.layout import Layout
from nc_core.inversion.predict import Predictor
from nc_core.inversion.program import SlotProgram
from nc_core.inversion.slots import Job, Outcome, SlotLoop
from nc_core.inversion.trigger import Transferability
from nc_core.prepared import Prepared
from nc_core.profiles import FEW, FEW_DRAWS

OTHERS = 48
"""Images that each of them is tried on, at most; no trigger was made with one."""
LEAST_DRAWS, LEAST_OTHERS = 3, 12
"""Below these nothing is said."""
AT_ONCE = 4
"""Triggers in one batch, always: of batches as small as four images the last bits depend on how many there are. It is
two slots of `fast`."""
WAIT_SECONDS = 1.0
"""Between two looks at whether to stop, while another label has its turn."""


class Transfer:
    """For the labels of one net on one set of clean data, one label at a time.

    scores: N outputs. factor: to the usual spread.
    """

    def __init__(self, scores: keras.Model, prepared: Prepared, *, layout: Layout, factor: float) -> None:
        self._scores, self._prepared, self._layout, self._factor = scores, prepared, layout, factor
        self._predict = Predictor(scores)
        self._loop: SlotLoop | None = None
        self._turn = threading.Lock()

    def __call__(
        self, label: int, *, seed: int, again: bool = False, should_stop: Callable[[], bool] | None = None
    ) -> Transferability | None:
        """What it is for a label; None where there are too few images that are not at the label already.

        again: from other draws than the first time, with other images. Raises Cancelled when `should_stop` says so.
        """
        stop = should_stop or (lambda: False)
        while not self._turn.acquire(timeout=WAIT_SECONDS):
            if stop():
                raise Cancelled(f"label {label} was cancelled")
        try:
            return self._measured(label, (seed, label, int(again)), stop)
        finally:
            self._turn.release()

    def _measured(self, label: int, entropy: tuple[int, ...], stop: Callable[[], bool]) -> Transferability | None:
        taken = self._images(label, entropy)
        others = min(OTHERS, len(taken) // 2)
        draws = min(FEW_DRAWS, (len(taken) - others) // FEW.batch)
        if draws < LEAST_DRAWS or others < LEAST_OTHERS:
            return None
        pools = np.split(taken[others : others + draws * FEW.batch], draws)
        ended = self._triggers(label, pools, entropy, stop)
        triggers = [one.trigger for one in ended if one.trigger is not None]
        x, y = self._prepared.fit.x[taken[:others]], self._prepared.fit.y[taken[:others]]
        rates = [attack_success_rate(self._predict(one.stamp(x)).argmax(axis=1), y, label) or 0.0 for one in triggers]
        return Transferability(
            # A few images that nothing sends to the label have nothing that others could share.
            rate=sum(rates) / draws,
            norm=float(np.median([trigger.norm for trigger in triggers])) if triggers else float(self._layout.pixels),
            gradient_images=FEW.batch * sum(one.updates for one in ended),
        )

    def _images(self, label: int, entropy: tuple[int, ...]) -> npt.NDArray[np.intp]:
        """Fitting images that neither are of the label nor are answered so, in a random order; as many as it takes."""
        fit = self._prepared.fit
        order = np.random.default_rng(entropy).permutation(np.flatnonzero(fit.y != label))
        order = order[: 2 * (OTHERS + FEW_DRAWS * FEW.batch)]
        return order[self._predict(fit.x[order]).argmax(axis=1) != label] if len(order) else order

    def _triggers(
        self, label: int, pools: list[npt.NDArray[np.intp]], entropy: tuple[int, ...], stop: Callable[[], bool]
    ) -> list[Outcome]:
        loop = self._loop = self._loop or self._new_loop()
        loop.clear()
        waiting = [
            Job(label=label, pool=pool, generator=np.random.default_rng([*entropy, draw]), should_stop=stop)
            for draw, pool in enumerate(pools)
        ]
        ended: dict[int, Outcome] = {}
        while waiting or loop.busy:
            while waiting and loop.free:
                loop.admit(waiting.pop(0))
            for outcome in loop.step():
                if outcome.cancelled:
                    raise Cancelled(f"label {label} was cancelled")
                ended[int(outcome.job.pool[0])] = outcome
        return [ended[int(pool[0])] for pool in pools]

    def _new_loop(self) -> SlotLoop:
        program = SlotProgram(self._scores, self._prepared.fit.x, layout=self._layout, profile=FEW, factor=self._factor)
        return SlotLoop(program, AT_ONCE)
