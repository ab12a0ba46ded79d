"""Fine-tuning of a whole net on clean images, some of them stamped with reversed triggers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from nc_core.errors import Cancelled, DataRefused
from nc_core.inversion import backend
from nc_core.mitigation.lessons import Lessons, TargetTrigger, with_stamped

BATCHES_BETWEEN_POLLS = 8
"""Between two looks at `should_stop`: tens of milliseconds for the field's nets."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Settings of the fine-tuning (Wang et al. 2019, section VI-C: 1 epoch on 10% of the training set, 20%
    stamped).

    epochs: 5, since here there are hundreds of clean images and not thousands. learning_rate: of Adam at the
    start, falling to 0 in a straight line, so that where the training stops is no matter of luck. batch:
    images an update. stamped_share: stamped copies an epoch, as a share of the clean images.
    """

    epochs: int = 5
    learning_rate: float = 3e-4
    batch: int = 32
    stamped_share: float = 0.2


def fine_tune(
    model: keras.Model,
    clean: Lessons,
    triggers: Sequence[TargetTrigger],
    *,
    seed: int,
    tuning: Tuning = Tuning(),
    progress: Callable[[float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Train `model` (N logits) in place on `clean`; without triggers this is fine-tuning on clean images
    alone.

    Everything random (order, stamps, dropout) follows from `seed`; no global generator is touched. Raises
    DataRefused where there is no lesson, Cancelled when `should_stop` says so (polled every few batches; the
    model is then half trained).
    """
    if not len(clean):
        raise DataRefused("no clean image is left for the repair to learn from; pass more clean images")
    generator = np.random.default_rng([seed, 0x5EED])
    size = min(tuning.batch, len(clean))
    _make_ready(model, tuning, steps=_steps(clean, triggers, tuning), seed=seed)
    for epoch in range(tuning.epochs):
        shown = with_stamped(clean, triggers, share=tuning.stamped_share, generator=generator)
        batches = len(shown) // size
        # One shape for all batches, hence one trace: the few left over have their turn next time.
        order = generator.permutation(len(shown))[: batches * size].reshape(batches, size)
        for nth, rows in enumerate(order):
            if nth % BATCHES_BETWEEN_POLLS == 0:
                _report((epoch + nth / batches) / tuning.epochs, progress, should_stop)
            model.train_on_batch(shown.x[rows], shown.target[rows])
    _report(1.0, progress, should_stop)


def _steps(clean: Lessons, triggers: Sequence[TargetTrigger], tuning: Tuning) -> int:
    """Updates in all (a few fewer where images of a target class are drawn and not stamped)."""
    shown = len(clean) + (round(tuning.stamped_share * len(clean)) if triggers else 0)
    return tuning.epochs * (shown // min(tuning.batch, len(clean)))


def _make_ready(model: keras.Model, tuning: Tuning, *, steps: int, seed: int) -> None:
    """Compile with a fresh optimiser, freeze batch normalisation, seed dropout.

    Batch normalisation stays in inference mode: statistics of a few hundred images, some of them stamped, are
    worse than those of the training set, and moving them would change the answers to clean images.
    """
    for nth, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
        if isinstance(generator := getattr(layer, "seed_generator", None), keras.random.SeedGenerator):
            generator.state.assign([seed % 2**32, nth])
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.PolynomialDecay(tuning.learning_rate, steps, end_learning_rate=0.0)
        ),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        jit_compile=backend.on_gpu(),
    )


def _report(
    fraction: float, progress: Callable[[float], None] | None, should_stop: Callable[[], bool] | None
) -> None:
    if should_stop is not None and should_stop():
        raise Cancelled("the repair was cancelled")
    if progress is not None:
        progress(fraction)
