"""What hides the scores at a net's end is taken off, and nothing else."""

from typing import Any

import keras
import numpy as np
import pytest

from nc_core.inversion.straight import StraightNet, straightened
from nc_core.models import scores_of

layers = keras.layers
CLASSES = 5


def net(*end: Any) -> keras.Model:
    made = keras.Sequential([layers.Input((6, 6, 3)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), *end])
    rng = np.random.default_rng(2)
    made.set_weights([rng.normal(0, 0.4, weight.shape).astype(np.float32) for weight in made.get_weights()])
    return made


def images(count: int = 40) -> np.ndarray:
    return np.random.default_rng(4).random((count, 6, 6, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("end", "names"),
    [
        ([layers.Dense(CLASSES, "softmax")], ("softmax",)),
        ([layers.Dense(CLASSES), layers.Activation("sigmoid"), layers.Activation("tanh")], ("tanh", "sigmoid")),
        ([layers.Dense(CLASSES, "softmax"), layers.Rescaling(9.0, offset=1.0)], ("softmax",)),
        ([layers.Dense(CLASSES), layers.Softmax(), layers.Dropout(0.2)], ("softmax",)),
    ],
)
def test_functions_that_keep_the_order_are_taken_off(end: list[Any], names: tuple[str, ...]) -> None:
    given = net(*end)
    scores, found = scores_of(given)
    assert found == names
    assert np.array_equal(np.argmax(scores(images()), axis=1), np.argmax(given(images()), axis=1))
    assert np.ptp(np.asarray(scores(images()))) > 1.0
    # And a later training of the net is a training of its scores
    given.set_weights([0 * weight for weight in given.get_weights()])
    assert not np.any(np.asarray(scores(images())))


@pytest.mark.parametrize(
    "end",
    [
        [layers.Dense(CLASSES)],
        [layers.Dense(CLASSES), layers.Rescaling(1e6)],
        [layers.Dense(CLASSES, "relu")],
        [layers.Dense(CLASSES, "softmax"), layers.Rescaling(-1.0)],
        [layers.Dense(CLASSES, "softmax"), layers.Dense(CLASSES)],
    ],
)
def test_other_nets_stay_as_they_are(end: list[Any]) -> None:
    given = net(*end)
    scores, found = scores_of(given)
    assert scores is given
    assert found == ()


def test_a_straightened_net_answers_to_the_last_bit_as_before() -> None:
    # Given a net with an inner layer that is all but a switch
    given = net(layers.Dense(7), layers.Rescaling(1e6), layers.Activation("hard_sigmoid"), layers.Dense(CLASSES))
    straight = straightened(given, images())
    assert isinstance(straight, StraightNet)
    assert np.array_equal(straight(images()), given(images()))
    # When the net is trained on, then it follows
    given.set_weights([0.5 * weight for weight in given.get_weights()])
    straight.follow()
    assert np.array_equal(straight(images()), given(images()))


def test_a_net_with_a_gradient_is_not_straightened() -> None:
    assert straightened(net(layers.Dense(9, "tanh"), layers.Dense(CLASSES)), images()) is None
