"""The numerics of K triggers at once: one compiled program of fixed shape."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.inversion import backend
from nc_core.inversion.layout import Layout
from nc_core.profiles import Profile

ADAM_EPSILON = 1e-7
LARGEST_GRADIENT = 1e12
"""Of one value of an image; its square, which Adam keeps, is a float32."""
BLIND = 1e-9
"""A gradient of the cross-entropy at one value of an image, over the value's whole range, that Adam cannot tell from
none: its updates shrink below `ADAM_EPSILON`."""
SIGHT = 0.1
"""Share of its values that must have a gradient for an image to show a way. Of ordinary nets 71% and more have one; of
a net that rounds its pixels to a few steps, those that lie on a step's edge."""
NOISES = 64
"""Different images of noise."""


MEANS = 5
"""Metrics that are means over the updates of a step."""


class SlotState(NamedTuple):
    """What K slots carry from step to step, on the device. K: slots, R: floats of one slot's parameters."""

    u: Any  # (K, R) parameters: mask and pattern before tanh
    first: Any  # (K, R) Adam's first moment
    second: Any  # (K, R) Adam's second moment
    count: Any  # (K,) updates done, for Adam's bias correction
    rates: Any  # (K, G) attack rates of the last G steps, newest first; 0 where there was no step yet
    kept_u: Any  # (K, R) parameters of the smallest mask that passed the gate
    kept_norm: Any  # (K,) its norm, mean over its step; infinite while there is none


class StepMetrics(NamedTuple):
    """One step of every slot, each (K,): means over its updates, and the norm of the mask kept so far.

    cross_entropy: over the images where it is a number. blind: share of the images that are not at the label and show
    no way there, since their gradient is zero or no number. broken: share whose loss or gradient is no number.
    """

    attack_rate: npt.NDArray[np.float32]
    norm: npt.NDArray[np.float32]
    cross_entropy: npt.NDArray[np.float32]
    blind: npt.NDArray[np.float32]
    broken: npt.NDArray[np.float32]
    kept_norm: npt.NDArray[np.float32]


class SlotProgram:
    """Advances K triggers by one step: min CE(f(A(x, m, p)), y) + lambda * sum|m| (Wang et al. 2019, equation 3).

    Slots share nothing but the batch that they travel in: every sum runs within a slot, so a slot's result does not
    depend on its neighbours or its position. Empty slots compute on and are ignored. It is traced once, for any K:
    on a small net a trace costs as much as a label.

    An image whose loss or gradient is no number has no part in its update; the others go on.

    model: N linear outputs (logits). images (n, H, W, C): the fitting images in the model's domain, kept on the
    device once. factor: what brings the logits to the usual spread (`nc_core.inversion.spread`). even: every image's
    gradient is brought to the same size, for nets that make it tiny or huge. noise: standard deviation, as a share of
    the range, of what is added to every stamped image, so that gradients are means over a neighbourhood.
    """

    def __init__(
        self,
        model: keras.Model,
        images: npt.NDArray[np.float32],
        *,
        layout: Layout,
        profile: Profile,
        factor: float = 1.0,
        even: bool = False,
        noise: float = 0.0,
    ) -> None:
        self.layout, self.profile = layout, profile
        self._factor, self._even = np.float32(factor), even
        self._model = model
        self._span = float((layout.high - layout.low).max())
        self._noise = _noises(layout, noise) if noise > 0 else None
        self._images = ops.convert_to_tensor(layout.image_rows(images))
        self._on_images = backend.gradient(self._loss)
        self._on_trigger = backend.gradient(self._cost)
        slots = SlotState(*(0 for _ in SlotState._fields))
        within = backend.loops_well()
        self._compiled_step = (
            backend.compiled(self._step, net=model, free=(slots, None, 1, 0, 0)) if within else self._by_updates()
        )
        self._compiled_load = backend.compiled(self._load, free=(slots, 0, None))

    def empty(self, slots: int) -> SlotState:
        """K empty slots."""
        rows = ops.zeros((slots, self.layout.row))
        rates = ops.zeros((slots, self.profile.gate_steps))
        return SlotState(rows, rows, rows, ops.zeros(slots), rates, rows, ops.full((slots,), np.inf))

    def load(self, state: SlotState, slot: int, start: npt.NDArray[np.float32]) -> SlotState:
        """Begin anew in one slot from parameters `start` (R,): nothing of the label before it remains."""
        chosen = np.arange(len(state.count)) == slot
        return self._compiled_load(state, ops.convert_to_tensor(chosen), ops.convert_to_tensor(start))

    def step(
        self,
        state: SlotState,
        *,
        index: npt.NDArray[np.int32],
        labels: npt.NDArray[np.int32],
        costs: npt.NDArray[np.float32],
    ) -> tuple[SlotState, StepMetrics]:
        """One step of every slot. index (S, K, B): images of each update; labels (K,); costs (K,): lambda."""
        tensors = (ops.convert_to_tensor(array) for array in (index, labels, costs))
        state, metrics = self._compiled_step(state, self._images, *tensors)
        return state, StepMetrics(*np.asarray(metrics))

    def kept(self, state: SlotState, slot: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Mask (H, W) and pattern (H, W, C) of the kept trigger of one slot."""
        return self.layout.mask_and_pattern(np.asarray(state.kept_u[slot]))

    def current(self, state: SlotState, slot: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Mask (H, W) and pattern (H, W, C) of one slot as they stand."""
        return self.layout.mask_and_pattern(np.asarray(state.u[slot]))

    def _load(self, state: SlotState, chosen: Any, start: Any) -> SlotState:
        rows, row = chosen[:, None], start[None, :]
        zeros = ops.zeros_like(state.u)
        return SlotState(
            u=ops.where(rows, row, state.u),
            first=ops.where(rows, zeros, state.first),
            second=ops.where(rows, zeros, state.second),
            count=ops.where(chosen, 0.0, state.count),
            rates=ops.where(rows, 0.0, state.rates),
            kept_u=ops.where(rows, zeros, state.kept_u),
            kept_norm=ops.where(chosen, np.inf, state.kept_norm),
        )

    def _step(self, state: SlotState, images: Any, index: Any, labels: Any, costs: Any) -> tuple[SlotState, Any]:
        def body(i: Any, carried: tuple[Any, ...]) -> tuple[Any, ...]:
            return self._update(carried, images, index[i], labels, costs)

        return self._end(state, ops.fori_loop(0, self.profile.updates_per_step, body, self._begin(state)))

    def _by_updates(self) -> Callable[..., tuple[SlotState, Any]]:
        """`_step` as a program that is called for every update."""
        update, end = backend.compiled(self._update, net=self._model), backend.compiled(self._end)

        def step(state: SlotState, images: Any, index: Any, labels: Any, costs: Any) -> tuple[SlotState, Any]:
            carried = self._begin(state)
            for of_update in index:
                carried = update(carried, images, of_update, labels, costs)
            ended: tuple[SlotState, Any] = end(state, carried)
            return ended

        return step

    def _begin(self, state: SlotState) -> tuple[Any, ...]:
        """What an update takes and gives: parameters, Adam's moments and count, and the sums of the metrics."""
        sums = ops.stack([ops.zeros_like(state.count)] * MEANS)
        return state.u, state.first, state.second, state.count, sums

    def _update(self, carried: tuple[Any, ...], images: Any, index: Any, labels: Any, costs: Any) -> tuple[Any, ...]:
        u, first, second, count, sums = carried
        gradient, metrics = self._gradient(u, images, index, labels, costs)
        return *self._adam(u, first, second, count, gradient), sums + metrics

    def _end(self, state: SlotState, carried: tuple[Any, ...]) -> tuple[SlotState, Any]:
        u, first, second, count, sums = carried
        means = sums / self.profile.updates_per_step  # (MEANS, K)
        rates, kept_u, kept_norm = self._gate(state, u, means[0], means[1])
        metrics = ops.concatenate([means, kept_norm[None, :]])  # (MEANS + 1, K)
        return SlotState(u, first, second, count, rates, kept_u, kept_norm), metrics

    def _gate(self, state: SlotState, u: Any, attack_rate: Any, norm: Any) -> tuple[Any, Any, Any]:
        """Keep the mask when it is smaller and the attack has held over the last G steps."""
        rates = ops.concatenate([attack_rate[:, None], state.rates[:, :-1]], axis=1)  # (K, G)
        held = ops.mean(rates, axis=1) >= self.profile.gate_threshold
        better = ops.logical_and(held, norm < state.kept_norm)  # (K,)
        return rates, ops.where(better[:, None], u, state.kept_u), ops.where(better, norm, state.kept_norm)

    def _gradient(self, u: Any, images: Any, index: Any, labels: Any, costs: Any) -> tuple[Any, Any]:
        """Of CE + lambda * norm at the parameters (K, R), and (MEANS, K): the step's metrics but for the kept norm."""
        stamped, norm = self._stamped(u, images, index)
        if self._noise is not None:
            stamped = stamped + self._batch(ops.convert_to_tensor(self._noise), index % NOISES)
        targets = self._targets(index, labels)
        on_images, (loss, hit) = self._on_images(stamped, targets)  # (K, B, image_row), (K, B), (K, B)
        numbers = ops.isfinite(on_images)
        broken = ops.logical_not(ops.logical_and(ops.isfinite(loss), ops.all(numbers, axis=-1)))  # (K, B)
        on_images = ops.clip(ops.where(numbers, on_images, 0.0), -LARGEST_GRADIENT, LARGEST_GRADIENT)
        alive = ops.cast(ops.abs(on_images) * self._span >= BLIND, "float32")
        seen = ops.sum(alive, axis=-1) >= SIGHT * self.layout.values
        blind = ops.logical_and(ops.logical_not(hit), ops.logical_not(seen))  # (K, B)
        if self._even:
            largest = ops.max(ops.abs(on_images), axis=-1, keepdims=True)  # (K, B, 1)
            on_images = on_images / ops.where(largest > 0.0, largest, 1.0)
        gradient, _ = self._on_trigger(u, images, index, on_images / self.profile.batch, costs)
        counted = ops.cast(ops.isfinite(loss), "float32")
        cross_entropy = ops.sum(ops.where(ops.isfinite(loss), loss, 0.0), axis=1)
        cross_entropy = cross_entropy / ops.maximum(ops.sum(counted, axis=1), 1.0)  # (K,)
        shares = [ops.mean(ops.cast(each, "float32"), axis=1) for each in (hit, blind, broken)]  # (K,) each
        return gradient, ops.stack([shares[0], norm, cross_entropy, *shares[1:]])

    def _targets(self, index: Any, labels: Any) -> Any:
        """The class (K, B) that each image of an update is held against: its slot's. index (K, B), labels (K,)."""
        return ops.zeros_like(index) + labels[:, None]

    def _loss(self, stamped: Any, targets: Any) -> tuple[Any, Any]:
        """Sum of the loss over stamped images (K, B, image_row), and (K, B) each: it, and whether it is where it ought
        to be."""
        batch, row = self.profile.batch, self.layout.image_row
        logits = self._model(self.layout.images(ops.reshape(stamped, (-1, row))), training=False)  # (K*B, N)
        logits = ops.reshape(logits, (-1, batch, logits.shape[-1]))  # (K, B, N)
        at_target = ops.equal(ops.cast(ops.argmax(logits, axis=-1), targets.dtype), targets)
        # The largest logit is 0 before anything is multiplied: logits may lie anywhere.
        logits = (logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))) * self._factor
        loss, hit = self._judged(logits, targets, at_target)
        return ops.sum(loss), (loss, hit)

    def _judged(self, logits: Any, targets: Any, at_target: Any) -> tuple[Any, Any]:
        """Loss and hit (K, B) of logits (K, B, N): the cross-entropy with the target, and whether it is the answer."""
        of_target = ops.squeeze(ops.take_along_axis(logits, targets[..., None], axis=-1), -1)
        return ops.logsumexp(logits, axis=-1) - of_target, at_target

    def _cost(self, u: Any, images: Any, index: Any, on_images: Any, costs: Any) -> tuple[Any, Any]:
        """What has the gradient of CE + lambda * norm at u: the images' own (K, B, image_row) is given."""
        stamped, norm = self._stamped(u, images, index)
        return ops.sum(stamped * on_images) + ops.sum(costs * norm), norm

    def _stamped(self, u: Any, images: Any, index: Any) -> tuple[Any, Any]:
        """The images of an update with the slots' triggers (K, B, image_row), and the norms (K,)."""
        keep, paint, norm = self.layout.blend(u)
        return keep[:, None, :] * self._batch(images, index) + paint[:, None, :], norm

    def _batch(self, rows: Any, index: Any) -> Any:
        """rows (n, R) and the images of an update, index (K, B) -> (K, B, R)."""
        taken = ops.take(rows, ops.reshape(index, (-1,)), axis=0)
        return ops.reshape(taken, (-1, self.profile.batch, rows.shape[1]))

    def _adam(self, u: Any, first: Any, second: Any, count: Any, gradient: Any) -> tuple[Any, Any, Any, Any]:
        """Adam with bias correction, every slot by its own count of updates (Kingma and Ba 2015, section 2)."""
        b1, b2 = self.profile.beta_1, self.profile.beta_2
        count = count + 1.0
        first = b1 * first + (1.0 - b1) * gradient
        second = b2 * second + (1.0 - b2) * ops.square(gradient)
        rate = self.profile.learning_rate * ops.sqrt(1.0 - b2**count) / (1.0 - b1**count)  # (K,)
        return u - rate[:, None] * first / (ops.sqrt(second) + ADAM_EPSILON), first, second, count


def _noises(layout: Layout, share: float) -> npt.NDArray[np.float32]:
    """(NOISES, image_row): normal noise, always the same."""
    drawn = np.random.default_rng(0).standard_normal((NOISES, layout.height, layout.width, layout.channels))
    return layout.image_rows((share * (layout.high - layout.low) * drawn).astype(np.float32))
