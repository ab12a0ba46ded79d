"""The largest margin of a label against a plain numpy search, and what has none."""

import keras
import numpy as np
import pytest

from nc_core.errors import Cancelled
from nc_core.inversion.layout import Layout
from nc_core.inversion.margin import LARGEST, STEP, Margin
from nc_core.profiles import MARGIN_STARTS, MARGIN_UPDATES

SHAPE, CLASSES, FACTOR = (5, 4, 3), 4, 1.7
LOW, HIGH = np.array([-1.0, 0.0, 0.0], np.float32), np.array([1.0, 1.0, 2.0], np.float32)
LAYOUT = Layout(height=5, width=4, channels=3, low=LOW, high=HIGH)


@pytest.fixture(scope="module")
def net() -> keras.Model:
    rng = np.random.default_rng(3)
    made = keras.Sequential([keras.layers.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    made.set_weights([rng.normal(0, 0.4, (60, CLASSES)).astype(np.float32), np.array([0, 1, 0, 0], np.float32)])
    return made


def plain(net: keras.Model, label: int, *, seed: int) -> float:
    """The margin by its formulas on a linear net, in double precision."""
    weights, bias = (each.astype(np.float64) for each in net.get_weights())
    x = LOW + (HIGH - LOW) * np.random.default_rng([seed, label]).random((MARGIN_STARTS, *SHAPE))
    others = [other for other in range(CLASSES) if other != label]
    largest = np.full(MARGIN_STARTS, -np.inf)
    for count in range(MARGIN_UPDATES):
        scores = x.reshape(MARGIN_STARTS, -1) @ weights + bias
        rival = np.array(others)[scores[:, others].argmax(axis=1)]
        largest = np.maximum(largest, FACTOR * (scores[:, label] - scores[np.arange(MARGIN_STARTS), rival]))
        gradient = (weights[:, label] - weights[:, rival].T).reshape(x.shape)
        gradient /= np.sqrt((gradient**2).mean(axis=(1, 2, 3), keepdims=True))
        size = STEP * (1 - count / MARGIN_UPDATES)
        x = np.clip(x + size * (HIGH - LOW) * np.clip(gradient, -LARGEST, LARGEST), LOW, HIGH)
    return float(np.median(largest))


def test_it_is_the_plain_search(net: keras.Model) -> None:
    margin = Margin(net, layout=LAYOUT, factor=FACTOR)
    for label in range(CLASSES):
        found = margin(label, seed=8)
        assert found is not None
        assert found.margin == pytest.approx(plain(net, label, seed=8), rel=1e-3)
        assert found.gradient_images == MARGIN_STARTS * MARGIN_UPDATES
        assert margin(label, seed=8) == found


def test_it_can_be_stopped(net: keras.Model) -> None:
    with pytest.raises(Cancelled, match="label 2 was cancelled"):
        Margin(net, layout=LAYOUT, factor=1.0)(2, seed=0, should_stop=lambda: True)


def test_a_net_without_numbers_has_none() -> None:
    class Broken(keras.layers.Layer):
        def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
            return x * float("nan")

    picture = keras.layers.Input(SHAPE)
    broken = keras.Model(picture, keras.layers.Dense(CLASSES)(keras.layers.Flatten()(Broken()(picture))))
    assert Margin(broken, layout=LAYOUT, factor=1.0)(0, seed=0) is None
