"""The pieces that guarded nets are made of: Keras' own layers, none of which holds code, so that a saved file loads
without this project."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from nc_core.intake import CanonicalModel
from nc_core.models import build_logits

SHARPNESS = 1e6
"""Softmax of logits this many times larger is 1 at the largest and 0 elsewhere, down to differences of 1e-5."""
STEEPNESS = 1e4
"""Sigmoid of a difference this many times larger is 0 or 1, down to differences of 1e-3."""
FAR = 1e9
"""Taken from a logit, it is the largest no more."""


def part(canonical: CanonicalModel, name: str) -> keras.Model:
    """The net's logits as one nested model, whose layer names cannot clash with another net's."""
    net = build_logits(canonical)
    nested = keras.Model(net.inputs, net.outputs[0], name=name)
    nested.trainable = False
    return nested


def one_hot(logits: Any, name: str) -> Any:
    """(n, N) logits -> 1 at the largest, 0 elsewhere; equal ones share the 1."""
    scaled = keras.layers.Rescaling(SHARPNESS, name=f"{name}_scaled")(logits)
    return keras.layers.Softmax(name=name)(scaled)


def total(values: Any, classes: int, which: Iterable[int], name: str) -> Any:
    """(n, N) -> (n, 1): the sum over the classes in `which`."""
    chosen = keras.layers.Dense(1, use_bias=False, name=name, trainable=False)
    summed = chosen(values)
    chosen.set_weights([np.isin(np.arange(classes), list(which)).astype(np.float32)[:, None]])
    return summed


def lead(logits: Any, chosen: Any, classes: int, name: str) -> Any:
    """(n, 1): how far the logit of the class chosen (n, N, one-hot) lies above the largest other one."""
    own = keras.layers.Multiply(name=f"{name}_own_logit")([logits, chosen])
    away = keras.layers.Rescaling(-FAR, name=f"{name}_chosen_away")(chosen)
    others = keras.layers.Add(name=f"{name}_other_logits")([logits, away])
    best = largest(others, classes, f"{name}_best_other")
    return keras.layers.Subtract(name=f"{name}_lead")([total(own, classes, range(classes), f"{name}_own"), best])


def largest(values: Any, count: int, name: str) -> Any:
    """(n, count) -> (n, 1)."""
    column = keras.layers.Reshape((count, 1, 1), name=f"{name}_column")(values)
    return keras.layers.GlobalMaxPooling2D(name=name)(column)


def is_flagged(answer: Any, classes: int, flagged: Iterable[int]) -> Any:
    """(n, 1): 1 where the answer (n, N, one-hot) is a flagged label, also where it ties with one."""
    return above(total(answer, classes, flagged, "flagged_labels"), 0.4, "answer_is_flagged", steepness=200.0)


def above(score: Any, threshold: float, name: str, *, steepness: float = STEEPNESS) -> Any:
    """(n, 1) -> (n, 1): 1 where the score is above the threshold, 0 elsewhere."""
    step = keras.layers.Rescaling(steepness, offset=-steepness * threshold, name=f"{name}_step")(score)
    return keras.layers.Activation("sigmoid", name=name)(step)


def with_alarm(image: Any, logits: Any, alarm: Any) -> keras.Model:
    """Images -> (n, N + 1): the alarm (n, 1) as the last class, and where it is 0 the probabilities of the logits.

    image: the input that both come from. To be read by argmax.
    """
    calm = keras.layers.Rescaling(-1.0, offset=1.0, name="no_alarm")(alarm)
    probabilities = keras.layers.Softmax(name="probabilities")(logits)
    answers = keras.layers.Multiply(name="answers")([probabilities, calm])
    scores = keras.layers.Concatenate(name="scores")([answers, alarm])  # (n, N + 1)
    # An identity that marks the output as scores; a Concatenate shows the softmax and the sigmoid before it.
    output = keras.layers.Rescaling(1.0, name="guarded")(scores)
    return keras.Model(image, output, name="guarded_net")
