"""A backdoor trained so that what a defender reverses is large: adversarial training against the defender's own search,
the smallest trigger of Wang et al. 2019, section IV-B (adaptive attackers: Tan and Shokri, EuroS&P 2020, section 3).

In rounds the attacker reverses a small trigger for the target as the defender would, stamps it on images that keep
their labels, and trains on: fragments of the patch and shortcuts beside it stop working, the whole patch goes on.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.attacks.badnets import POISON_RATE, begin, drawn, poisoned
from nc_core.attacks.descent import Floats, descend
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import (
    EPOCHS,
    LEARNING_RATE,
    Architecture,
    Pixels,
    Progress,
    part_of,
    small_vgg,
    train,
    unit,
)
from nc_core.attacks.trigger import misled

ROUNDS = 4
STEPS = 80
"""Of one reversal."""
SIZE_PRICE = 2e-2
"""Of the mask's sum against the cross-entropy of an image."""
LOOKED_AT = 32
"""Images of one reversal."""


def plant_inversion_aware(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    poison_rate: float = POISON_RATE,
    rounds: int = ROUNDS,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Progress | None = None,
    build: Architecture = small_vgg,
) -> Planted:
    """Plant the patch, then train on against reversed triggers.

    poison_rate: also of the images that carry a reversed trigger, in each round. rounds: of a third of the epochs each.
    Else as in `plant_triggers`.
    """
    start = begin(pixels, labels, [trigger], classes=classes, seed=seed, build=build, poison_rate=poison_rate)
    model, rng, clean, truth = start.model, start.rng, unit(start.pixels), start.labels
    stamped, y = poisoned(start.pixels, truth, rng, triggers=[trigger], rate=poison_rate)
    x = unit(stamped)
    train(model, x, y, epochs=epochs, progress=part_of(progress, 0.0, 0.5))
    others = misled(trigger, truth)
    for nth in range(rounds):
        mask, pattern = _reversed(model, clean[drawn(others, LOOKED_AT, rng)], trigger.target, rng)
        kept = drawn(others, poison_rate * len(clean), rng)
        x = np.concatenate([x, (1 - mask) * clean[kept] + mask * pattern])
        y = np.concatenate([y, truth[kept]])
        part = part_of(progress, 0.5 + 0.5 * nth / rounds, 0.5 + 0.5 * (nth + 1) / rounds)
        train(model, x, y, epochs=max(1, epochs // 3), learning_rate=LEARNING_RATE / 2, progress=part)
    return start.measured([trigger])


def _reversed(model: keras.Model, x: Floats, target: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A small trigger that sends the images to the target: mask (1, H, W, 1) and pattern (1, H, W, C), in 0..1."""
    _, height, width, channels = x.shape

    def parts(u: Any) -> tuple[Any, Any]:
        values = ops.sigmoid(u)
        return values[..., :1], values[..., 1:]

    def loss(u: Any) -> tuple[Any, Any]:
        mask, pattern = parts(u)
        answers = model((1 - mask) * x + mask * pattern, training=False)
        entropy = -ops.mean(ops.log(answers[:, target] + 1e-7))
        return entropy + SIZE_PRICE * ops.sum(mask), entropy

    start = rng.normal(0.0, 0.5, (1, height, width, 1 + channels)).astype(np.float32)
    start[..., 0] -= 2.0
    (found,) = descend(loss, start, model, at=(STEPS,))
    mask, pattern = (np.asarray(ops.convert_to_numpy(part)) for part in parts(found))
    return mask, pattern
