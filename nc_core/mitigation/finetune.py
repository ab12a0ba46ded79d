"""Fine-tuning of a whole net on clean images, some of them stamped with reversed triggers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.errors import Cancelled, DataRefused
from nc_core.mitigation.lessons import Lessons, TargetTrigger, own_images, with_stamped

BATCHES_BETWEEN_POLLS = 8
"""Between two looks at `should_stop`: tens of milliseconds for the field's nets."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Settings of the fine-tuning. Those of the paper (Wang et al. 2019, section VI-C) are 1 epoch on 10% of the
    training set, 20% of it stamped; these are ours, and this is why.

    epochs: 5, since here there are hundreds of clean images and not thousands. least_updates: more epochs
    where images are so few that 5 would move nothing (256 images of a planted net: 50 updates left the trigger at
    37%, 200 at 9%, after one round). learning_rate: of Adam at the start, falling to 0 in a
    straight line, so that where the training stops is no matter of luck. batch: images an update.
    stamped_share: stamped copies an epoch for each label that is repaired, as a share of the clean images; of all
    labels together there are never more copies than images. normalising: whether batch normalisation follows the images
    of the batches. It stays as it is where the weights before it nearly do: statistics of a few hundred images, some of
    them stamped, are worse than those of the training set, and moving them would change the answers to clean images.
    """

    learning_rate: float
    stamped_share: float
    epochs: int = 5
    least_updates: int = 50
    batch: int = 32
    normalising: bool = False


TEACHING = Tuning(learning_rate=3e-4, stamped_share=0.05, least_updates=200)
"""For many labelled images of every class: they teach the net, and clean accuracy rises."""

MATCHING = Tuning(learning_rate=3e-4, stamped_share=0.5, epochs=1, least_updates=120)
"""For images with their variations, ten times as many, to which the submitted net says its logits.
Two rounds of unlearning with strangers' faces left the real sunglasses BadNet at accuracy .96 on its own people, .95
before, and 2% true attack rate; with 0.3 stamped at .94 and 19%."""


def tuning_for(clean: Lessons) -> Tuning:
    """By what the clean images can teach."""
    return MATCHING if clean.logits else TEACHING


def fine_tune(
    model: keras.Model,
    clean: Lessons,
    triggers: Sequence[TargetTrigger],
    *,
    seed: int,
    tuning: Tuning,
    after_update: Callable[[], None] | None = None,
    progress: Callable[[float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Train `model` (N logits) in place on `clean`; without triggers this is plain fine-tuning.

    after_update: called after every update, for weights that are to stay as they are. Everything random (order, stamps,
    dropout) follows from `seed`; no global generator is touched. Raises DataRefused where there is no lesson, Cancelled
    when `should_stop` says so (polled every few batches; the model is then half trained).
    """
    if not len(clean):
        raise DataRefused("no clean image is left for the repair to learn from; pass more clean images")
    size = min(tuning.batch, len(clean))
    share = min(1.0, tuning.stamped_share * len({trigger.target for trigger in triggers}))
    per_epoch = (len(clean) + round(share * len(clean))) // size
    steps = max(tuning.epochs * per_epoch, tuning.least_updates)
    make_ready(model, tuning, steps=steps, seed=seed, logits=clean.logits)
    batches = _batches(clean, triggers, size, share, np.random.default_rng([seed, 0x5EED]))
    for step in range(steps):
        if step % BATCHES_BETWEEN_POLLS == 0:
            poll(step / steps, progress, should_stop)
        model.train_on_batch(*next(batches))
        if after_update is not None:
            after_update()
    poll(1.0, progress, should_stop)


def _batches(
    clean: Lessons,
    triggers: Sequence[TargetTrigger],
    size: int,
    share: float,
    generator: np.random.Generator,
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Images and targets of update after update, for ever; stamps and order are drawn anew in every epoch.

    All batches have one shape, hence one trace: the few images left over have their turn in another epoch.
    """
    while True:
        shown = with_stamped(clean, triggers, share=share, generator=generator)
        own = own_images(clean, triggers, stamped=len(shown) - len(clean), generator=generator)
        x, target = np.concatenate([shown.x, own.x]), np.concatenate([shown.target, own.target])
        order = generator.permutation(len(x))[: len(x) // size * size]
        for rows in order.reshape(-1, size):
            yield x[rows], target[rows]


def make_ready(model: keras.Model, tuning: Tuning, *, steps: int, seed: int, logits: bool) -> None:
    """Compile with a fresh optimiser, free or freeze batch normalisation, seed dropout."""
    for nth, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = tuning.normalising
        if isinstance(generator := getattr(layer, "seed_generator", None), keras.random.SeedGenerator):
            generator.state.assign([seed % 2**32, nth])
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.PolynomialDecay(tuning.learning_rate, steps, end_learning_rate=0.0)
        ),
        loss=matching if logits else keras.losses.CategoricalCrossentropy(from_logits=True),
    )


def matching(target: Any, logits: Any) -> Any:
    """Per image, how far logits (n, N) are from the target's: cross-entropy to its probabilities, and the mean square
    of the distance, whatever is added to all N.

    The mean square holds what the net knows of all its classes (Ba and Caruana 2014). Of 1283 logits the one that a
    trigger raises is hardly seen in it: with the cross-entropy the triggers of a face net fell twice as far at the same
    agreement.
    """
    distance = logits - target
    square = ops.mean(ops.square(distance - ops.mean(distance, axis=-1, keepdims=True)), axis=-1)
    return square + ops.categorical_crossentropy(ops.softmax(target), logits, from_logits=True)


def poll(fraction: float, progress: Callable[[float], None] | None, should_stop: Callable[[], bool] | None) -> None:
    """Tell how far a training is; raises Cancelled when `should_stop` says so."""
    if should_stop is not None and should_stop():
        raise Cancelled("the repair was cancelled")
    if progress is not None:
        progress(fraction)
