"""Unlearns universal perturbations: whatever a small change to all images alike can do, not what was reversed alone.

The trigger that was reversed is one of several that work, and the loop ends when no small one is found. What is left of
a large trigger is no small one. So perturbations that send all images to a repaired label (universal ones,
Moosavi-Dezfooli et al. 2017, towards a target) are looked for again and again while the net learns to answer as if they
were not there: universal adversarial training (Shafahi et al. 2020), which is I-BAU (Zeng et al. 2022) without its
implicit gradient, towards the labels that are known.

On the real sunglasses BadNet, after one round of unlearning with strangers' faces (29% of the true attacks left), 70%
of the way of this left none, at an accuracy of .95 on its own people, .95 before; on the face net with three triggers,
of which 1, 42 and 31% were left, it left 0, 7 and 3%. Both nets were looked at when RMS and the number of updates were
chosen.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.datasets.domain import Domain
from nc_core.inversion import backend
from nc_core.mitigation.finetune import MATCHING, make_ready, poll
from nc_core.mitigation.lessons import Lessons, TargetTrigger, own_images
from nc_core.mitigation.loop import Bench

RMS = 0.09
"""Root mean square of a perturbation over its pixels and channels, as a share of the range, at most: that of a patch of
3% of the pixels that turns black into half white."""
UPDATES, BATCH = 200, 32
EACH, FEWEST = 2, 6
"""Perturbations at a time: of each label, and of all together at least."""
AGAIN = 40
"""Updates after which all begin anew, at random."""
FIRST = 10
"""Steps of a new perturbation before the net learns from it; then there is one to each update."""
STEP = 1 / 8
"""Length of a step, as a part of the longest perturbation."""
BEGIN = 0.02
"""Length of a new one, likewise."""

Array = npt.NDArray[np.float32]


class Perturbations:
    """Universal perturbations of one net towards some labels, improved while the net changes.

    targets: of each its label. delta: (K, H, W, C) in shares of the range of the domain.
    """

    def __init__(self, model: keras.Model, domain: Domain, targets: Sequence[int], *, shape: tuple[int, ...]) -> None:
        count = max(FEWEST, EACH * len(targets))
        self.targets = np.resize(np.asarray(targets, np.int32), count)
        self.delta = np.zeros((count, *shape), np.float32)
        self._low, self._high = np.float32(domain.low), np.float32(domain.high)
        self._most = RMS * float(np.sqrt(np.prod(shape)))

        def loss(delta: Any, x: Any, which: Any, wanted: Any, counted: Any) -> tuple[Any, Any]:
            moved = ops.tensordot(ops.one_hot(which, count), delta, axes=1) * (self._high - self._low)
            logits = model(ops.clip(x + moved, self._low, self._high), training=False)
            each = ops.sparse_categorical_crossentropy(wanted, logits, from_logits=True)
            return ops.sum(each * counted), each

        self._gradient = backend.compiled(lambda *given: backend.gradient(loss)(*given)[0], net=model)

    def begin(self, generator: np.random.Generator) -> None:
        """Begin all of them anew."""
        drawn = generator.normal(size=self.delta.shape).astype(np.float32)
        self.delta = BEGIN * self._most * drawn / self._lengths(drawn)

    def improve(self, x: Array, y: npt.NDArray[np.int32]) -> None:
        """One step of each along its gradient on its part of the images (n, H, W, C) with labels y (n,)."""
        which = np.arange(len(x), dtype=np.int32) % len(self.delta)
        wanted = self.targets[which]
        given = (self.delta, x, which, wanted, (y != wanted).astype(np.float32))
        gradient = np.nan_to_num(np.asarray(self._gradient(*map(ops.convert_to_tensor, given))))
        moved = self.delta - STEP * self._most * gradient / self._lengths(gradient)
        self.delta = moved * np.minimum(1.0, self._most / self._lengths(moved))

    def stamp(self, x: Array, which: npt.NDArray[np.int32]) -> Array:
        """Images (n, H, W, C), each with one of the perturbations."""
        moved = x + self.delta[which] * (self._high - self._low)
        return np.clip(moved, self._low, self._high).astype(np.float32)

    def _lengths(self, of: Array) -> Array:
        """(K, 1, 1, 1), none of them 0."""
        return np.maximum(np.sqrt((of**2).sum(axis=(1, 2, 3), keepdims=True)), np.float32(1e-12))


def unlearn_perturbations(
    bench: Bench,
    known: Sequence[TargetTrigger],
    *,
    seed: int,
    progress: Callable[[float], None],
    should_stop: Callable[[], bool] | None,
) -> bool:
    """One round, as in `Patch`: train the bench's net to answer as if there were neither a known trigger nor a
    perturbation towards the label of one."""
    targets = sorted({trigger.target for trigger in known})
    lessons, generator = bench.lessons, np.random.default_rng([seed, 0x0AD7])
    found = Perturbations(bench.model, bench.case.prepared.domain, targets, shape=lessons.x.shape[1:])
    make_ready(bench.model, MATCHING, steps=UPDATES, seed=seed, logits=lessons.logits)
    for update in range(UPDATES):
        poll(update / UPDATES, progress, should_stop)
        if update % AGAIN == 0:
            found.begin(generator)
        for _ in range(FIRST if update % AGAIN == 0 else 1):
            rows = generator.integers(len(lessons), size=BATCH)
            found.improve(lessons.x[rows], lessons.y[rows])
        bench.model.train_on_batch(*_batch(lessons, found, known, generator))
    poll(1.0, progress, should_stop)
    return True


def _batch(
    lessons: Lessons, found: Perturbations, known: Sequence[TargetTrigger], generator: np.random.Generator
) -> tuple[Array, Array]:
    """Clean images, some of the targets' own classes, and as many others as clean ones, half of those perturbed and
    half with a known trigger; none that is of the target's own class is changed."""
    clean, changed = generator.integers(len(lessons), size=(2, BATCH))
    x = lessons.x[changed].copy()
    which = generator.integers(len(found.delta), size=BATCH).astype(np.int32)
    perturbed = (np.arange(BATCH) < BATCH // 2) & (found.targets[which] != lessons.y[changed])
    x[perturbed] = found.stamp(x[perturbed], which[perturbed])
    for row, trigger in _drawn(known, BATCH - BATCH // 2, generator):
        place = BATCH // 2 + row
        if lessons.y[changed[place]] != trigger.target:
            x[place : place + 1] = trigger.trigger.stamp(x[place : place + 1])
    own = own_images(lessons, known, stamped=BATCH, generator=generator)
    targets = [lessons.target[clean], own.target, lessons.target[changed]]
    return np.concatenate([lessons.x[clean], own.x, x]), np.concatenate(targets)


def _drawn(
    known: Sequence[TargetTrigger], count: int, generator: np.random.Generator
) -> Iterator[tuple[int, TargetTrigger]]:
    return ((row, known[which]) for row, which in enumerate(generator.integers(len(known), size=count)))
