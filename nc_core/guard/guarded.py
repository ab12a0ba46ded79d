"""BadNet and GoodNet in one model: where the BadNet says a flagged label and the GoodNet disagrees, the input
is bad.

A trigger that survives repair still differs in its effect on the two nets; a clean image of the flagged class
does not. On the real sunglasses BadNet this catches 99% of the stamped faces with no clean one called, where
the paper's filter on neuron activations catches at most 11%.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from nc_core.errors import OptionRefused
from nc_core.intake import CanonicalModel
from nc_core.models import build_logits

SHARPNESS = 1e6
"""Softmax of logits this many times larger is 1 at the largest and 0 elsewhere, down to differences of
1e-5."""


def guarded_net(badnet: CanonicalModel, goodnet: CanonicalModel, flagged: Sequence[int]) -> keras.Model:
    """Images (n, H, W, C) in the model's domain -> (n, N + 1), to be read by argmax.

    Class N, the last, is 1 where the BadNet answers a flagged label and the GoodNet another one; elsewhere it
    is 0 and the first N are the GoodNet's probabilities (softmax of its logits). With two classes from one
    sigmoid, N is 2. Made of Keras' own layers, none of which holds code, so a saved file loads without this
    project.

    Raises OptionRefused for labels outside 0..N-1, none at all, or nets of different inputs or classes.
    """
    _check(badnet, goodnet, flagged)
    image = keras.Input(badnet.input_shape, name="image")
    bad = _part(badnet, "badnet")(image)  # (n, N)
    good = _part(goodnet, "goodnet")(image)  # (n, N)
    alarm = _alarm(_one_hot(bad, "badnet_answer"), _one_hot(good, "goodnet_answer"), badnet.classes, flagged)
    calm = keras.layers.Rescaling(-1.0, offset=1.0, name="no_alarm")(alarm)  # (n, 1)
    answers = keras.layers.Multiply(name="answers")([keras.layers.Softmax(name="probabilities")(good), calm])
    scores = keras.layers.Concatenate(name="scores")([answers, alarm])  # (n, N + 1)
    # An identity that marks the output as scores; a Concatenate shows the softmax and the sigmoid before it.
    output = keras.layers.Rescaling(1.0, name="guarded")(scores)
    return keras.Model(image, output, name="guarded_net")


def _check(badnet: CanonicalModel, goodnet: CanonicalModel, flagged: Sequence[int]) -> None:
    shapes = [(net.input_shape, net.classes) for net in (badnet, goodnet)]
    if shapes[0] != shapes[1]:
        raise OptionRefused(f"BadNet and GoodNet differ in input shape and classes: {shapes[0]} and {shapes[1]}")
    if not flagged or not all(0 <= label < badnet.classes for label in flagged):
        raise OptionRefused(
            f"flagged labels are {list(flagged)}; pass at least one, each from 0 to {badnet.classes - 1}"
        )


def _part(canonical: CanonicalModel, name: str) -> keras.Model:
    """The net's logits as one nested model, whose layer names cannot clash with the other net's."""
    net = build_logits(canonical)
    part = keras.Model(net.inputs, net.outputs[0], name=name)
    part.trainable = False
    return part


def _one_hot(logits: Any, name: str) -> Any:
    """(n, N) logits -> 1 at the largest, 0 elsewhere; equal ones share the 1."""
    scaled = keras.layers.Rescaling(SHARPNESS, name=f"{name}_scaled")(logits)
    return keras.layers.Softmax(name=name)(scaled)


def _alarm(bad: Any, good: Any, classes: int, flagged: Sequence[int]) -> Any:
    """(n, 1): 1 where the BadNet's answer is flagged and not the GoodNet's.

    The sum over flagged labels of bad * (1 - good) is 1 or 0, and something between where a net's logits tie:
    a sigmoid with its step at 0.4 makes a decision of it, alarm at a tie of two.
    """
    other = keras.layers.Rescaling(-1.0, offset=1.0, name="goodnet_says_other")(good)
    both = keras.layers.Multiply(name="disagreement")([bad, other])
    chosen = keras.layers.Dense(1, use_bias=False, name="flagged_labels", trainable=False)
    total = chosen(both)
    chosen.set_weights([np.isin(np.arange(classes), list(flagged)).astype(np.float32)[:, None]])
    step = keras.layers.Rescaling(200.0, offset=-80.0, name="alarm_step")(total)
    return keras.layers.Activation("sigmoid", name="alarm")(step)
