"""How small one perturbation can be that sends all images to a label: evidence that needs no mask.

A mask's norm counts pixels, so it is small for a patch and for nothing else. A trigger that is blended over the whole
image, a sinusoid or a low-frequency pattern changes every pixel a little, and is small as the energy of what is added
to the image. The smallest *universal targeted perturbation* d of a label y asks for that:

    minimise |d|_2 subject to  P(f(clip(x + d)) = y) >= RATE,  one d for all images x

(universal: Moosavi-Dezfooli et al. CVPR 2017; targeted: Zhang et al. CVPR 2020, arXiv:1910.12196; labels that need an
unusually small one are backdoor targets: Xiang et al. 2020, "Detection of backdoors in trained classifiers without
access to the training set").

A step goes along the gradient of the mean cross-entropy, with momentum, and then onto the sphere of a radius that grows
while the label is missed and shrinks while it is reached (decoupled direction and norm: Rony et al. CVPR 2019). The
direction that comes out is then scaled until it works on `RATE` of other images, so that the norms of all labels are
compared at one rate. Norms are in ranges of a value: 1 is one value of one pixel moved from black to white.
"""

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.inversion import backend
from nc_core.inversion.layout import Layout
from nc_core.inversion.loop import Job, Loop, within_memory
from nc_core.profiles import PERTURBATION_BATCH as BATCH
from nc_core.profiles import PERTURBATION_UPDATES as UPDATES

RATE = 0.9
"""Least share of images that a perturbation works on. At half of them what a planted trigger adds is hardly needed yet:
the same label of a blended picture lay 2.4 deviations below the others, at .9 it lay 3.7."""
START = 0.03
"""First radius, as a root mean square over the values, in ranges."""
GROWS, SHRINKS = 1.3, 1.15
STEP, LAST_STEP, MOMENTUM = 0.4, 0.2, 0.5
"""Step as a share of the radius, that of the last update as a share of the first."""
TINY = 1e-20


class PerturbationState(NamedTuple):
    """What K slots carry from update to update. K: slots, R: floats of a padded image."""

    delta: Any  # (K, R) in ranges
    way: Any  # (K, R) gradients so far, each of length 1
    radius: Any  # (K,)
    count: Any  # (K,) updates done


class PerturbationProgram:
    """One update of K perturbations in one graph; slots share the batch that they travel in and nothing else.

    scores: N outputs. images (n, H, W, C): in the model's domain. factor: brings the scores to the usual spread.
    """

    def __init__(
        self, scores: keras.Model, images: npt.NDArray[np.float32], *, layout: Layout, factor: float = 1.0
    ) -> None:
        self.layout = layout
        self._scores, self._factor = scores, np.float32(factor)
        self._images = ops.convert_to_tensor(layout.image_rows(images))
        self._span = np.broadcast_to(layout.high - layout.low, (1, layout.height, layout.width, layout.channels))
        low = np.broadcast_to(layout.low, self._span.shape)
        self._rows = tuple(layout.image_rows(np.ascontiguousarray(row, np.float32))[0] for row in (low, self._span))
        self._gradient = backend.gradient(self._loss)
        slots = PerturbationState(*(0 for _ in PerturbationState._fields))
        self._compiled_update = backend.compiled(self._update, net=scores, free=(slots, None, 0, 0))
        self._compiled_load = backend.compiled(self._load, free=(slots, 0))

    def empty(self, slots: int) -> PerturbationState:
        """K empty slots."""
        rows = ops.zeros((slots, self.layout.image_row))
        return PerturbationState(rows, rows, ops.ones(slots), ops.zeros(slots))

    def load(self, state: PerturbationState, slot: int) -> PerturbationState:
        """Begin anew in one slot."""
        chosen = np.arange(len(state.count)) == slot
        return self._compiled_load(state, ops.convert_to_tensor(chosen))

    def update(
        self, state: PerturbationState, *, index: npt.NDArray[np.int32], labels: npt.NDArray[np.int32]
    ) -> tuple[PerturbationState, npt.NDArray[np.float32]]:
        """index (K, B): images; labels (K,). Returns the state, and the rates (K,) before the update."""
        tensors = (ops.convert_to_tensor(array) for array in (index, labels))
        state, rates = self._compiled_update(state, self._images, *tensors)
        return state, np.asarray(rates)

    def delta(self, state: PerturbationState, slot: int) -> npt.NDArray[np.float32]:
        """(H, W, C) of one slot, in the model's domain."""
        layout = self.layout
        row = np.asarray(state.delta[slot])[: layout.values]
        return (row.reshape(self._span.shape[1:]) * self._span[0]).astype(np.float32)

    def norm(self, delta: npt.NDArray[np.float32]) -> float:
        """L2 of a perturbation in the model's domain, in ranges."""
        return float(np.linalg.norm((delta / self._span[0]).astype(np.float64)))

    def _load(self, state: PerturbationState, chosen: Any) -> PerturbationState:
        radius = START * float(np.sqrt(self.layout.values))
        rows = chosen[:, None]
        return PerturbationState(
            delta=ops.where(rows, 0.0, state.delta),
            way=ops.where(rows, 0.0, state.way),
            radius=ops.where(chosen, radius, state.radius),
            count=ops.where(chosen, 0.0, state.count),
        )

    def _update(self, state: PerturbationState, images: Any, index: Any, labels: Any) -> tuple[PerturbationState, Any]:
        taken = ops.take(images, ops.reshape(index, (-1,)), axis=0)
        shown = ops.reshape(taken, (-1, BATCH, self.layout.image_row))  # (K, B, R)
        gradient, rates = self._gradient(state.delta, shown, labels)
        gradient = ops.where(ops.isfinite(gradient), gradient, 0.0)
        way = MOMENTUM * state.way - _of_length_one(gradient)
        moved = ops.where(rates >= RATE, state.radius / SHRINKS, state.radius * GROWS)
        radius = ops.where(state.count > 0.0, moved, state.radius)
        step = STEP * (1.0 - (1.0 - LAST_STEP) * state.count / (UPDATES - 1))
        delta = state.delta + (step * radius)[:, None] * _of_length_one(way)
        delta = radius[:, None] * _of_length_one(delta)
        return PerturbationState(delta, way, radius, state.count + 1.0), rates

    def _loss(self, delta: Any, shown: Any, labels: Any) -> tuple[Any, Any]:
        """Sum over the slots of the mean cross-entropy of images (K, B, R), and the rates (K,)."""
        low, span = self._rows
        row = self.layout.image_row
        moved = ops.clip(shown + span * delta[:, None, :], low, low + span)
        logits = self._scores(self.layout.images(ops.reshape(moved, (-1, row))), training=False)
        logits = ops.reshape(logits, (-1, BATCH, logits.shape[-1]))  # (K, B, N)
        target = ops.repeat(labels[:, None], BATCH, axis=1)  # (K, B)
        hit = ops.equal(ops.cast(ops.argmax(logits, axis=-1), target.dtype), target)
        logits = (logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))) * self._factor
        of_target = ops.squeeze(ops.take_along_axis(logits, target[..., None], axis=-1), -1)
        cross_entropy = ops.logsumexp(logits, axis=-1) - of_target
        return ops.sum(ops.mean(cross_entropy, axis=1)), ops.mean(ops.cast(hit, "float32"), axis=1)


def _of_length_one(rows: Any) -> Any:
    """(K, R) -> (K, R), zero where it is zero."""
    return rows / ops.maximum(ops.sqrt(ops.sum(ops.square(rows), axis=1, keepdims=True)), TINY)


@dataclass(frozen=True, kw_only=True, eq=False)
class Direction:
    """How a job ended: delta (H, W, C) in the model's domain at the last radius, after so many updates."""

    job: Job
    delta: npt.NDArray[np.float32]
    updates: int
    seconds: float
    cancelled: bool = False


@dataclass(kw_only=True, eq=False)
class _Running:
    job: Job
    since: float
    updates: int = 0


class PerturbationLoop(Loop[_Running, Direction]):
    """Drives one `PerturbationProgram` with so many slots."""

    def __init__(self, program: PerturbationProgram, slots: int) -> None:
        super().__init__(slots)
        self.program = program
        self._state = program.empty(slots)

    def admit(self, job: Job) -> None:
        """Put a label into a free slot."""
        slot = self._running.index(None)
        self._state = self.program.load(self._state, slot)
        self._running[slot] = _Running(job=job, since=time.monotonic())

    def clear(self) -> None:
        """Empty every slot, for use after an update that raised."""
        self._state = self.program.empty(self.slots)
        self._running = [None] * self.slots

    def step(self) -> list[Direction]:
        """One update of every occupied slot; the labels that are over leave and are returned.

        Raises OutOfDeviceMemory; the labels are where they were, for `clear`.
        """
        index, labels = np.zeros((self.slots, BATCH), np.int32), np.zeros(self.slots, np.int32)
        for slot, running in enumerate(self._running):
            if running is not None:
                index[slot], labels[slot] = running.job.images(BATCH), running.job.label
        with within_memory(self.slots, BATCH):
            self._state, _ = self.program.update(self._state, index=index, labels=labels)
        return [
            over for slot, running in enumerate(self._running) if running and (over := self._counted(slot, running))
        ]

    def _counted(self, slot: int, running: _Running) -> Direction | None:
        running.updates += 1
        cancelled = running.job.should_stop is not None and running.job.should_stop()
        if running.updates < UPDATES and not cancelled:
            return None
        self._running[slot] = None
        return Direction(
            job=running.job,
            delta=self.program.delta(self._state, slot),
            updates=running.updates,
            seconds=time.monotonic() - running.since,
            cancelled=cancelled,
        )
