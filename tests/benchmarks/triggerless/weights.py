"""A net as a function of its weights, for methods whose gradients Keras' own training does not take."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from nc_core.mitigation.finetune import matching
from nc_core.mitigation.lessons import Lessons

Loss = Callable[[Any, Any], Any]
"""(targets (n, N), logits (n, N)) -> the mean over the images."""


Taught = Callable[[Lessons], Lessons]
"""What a method makes of the lessons of its bench."""


def as_they_are(lessons: Lessons) -> Lessons:
    """Nothing else."""
    return lessons


def trained(model: keras.Model) -> list[Any]:
    """The weights that a training moves, as tensors; inside a compiled program as they are at its call."""
    return [ops.copy(variable) for variable in model.trainable_variables]


def scores(model: keras.Model, weights: Sequence[Any], x: Any) -> Any:
    """Logits (n, N) of images (n, H, W, C), of the net with these weights in place of its own; without dropout."""
    fixed = [ops.copy(variable) for variable in model.non_trainable_variables]
    return model.stateless_call(list(weights), fixed, x, training=False)[0]


def loss_of(*, logits: bool) -> Loss:
    """What a training goes down by, see `Lessons.logits`."""

    def loss(target: Any, answers: Any) -> Any:
        if logits:
            return ops.mean(matching(target, answers))
        return ops.mean(ops.categorical_crossentropy(target, answers, from_logits=True))

    return loss
