"""A gradient leads where a step along it gets further than one against it."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

from nc_core.datasets.prepared import Prepared
from nc_core.detection.outcome import LEADING_BOUND
from nc_core.inversion.heading import FEWEST, Heading
from nc_core.models import build_logits, canonical_of
from tests.evidence import NOT_CONVERGED


def told(net: keras.Model, prepared: Prepared, *, most: int | None = None, rows: int = 24) -> list[float | None]:
    """Of labels 0 to 3. most: images of each other class."""
    x, y = prepared.fit.x[:most], prepared.fit.y[:most]
    heading = Heading(net, factor=1.0, rows=rows)
    return [heading.leads(label, x, y, low=np.float32(0), high=np.float32(1)) for label in range(4)]


def rounded(model: keras.Model, *, remainder: float) -> keras.Model:
    """The net behind pixels of eight levels, whose gradient is a remainder of no meaning."""
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, model.input_shape[1:]).astype(np.float32)

    @keras.saving.register_keras_serializable("tests")
    class Rounded(keras.layers.Layer):
        def call(self, x):
            wave = ops.sin(x * 1e4 + phase) * (remainder * 1e-4)
            return ops.stop_gradient(ops.round(x * 7) / 7 - wave) + wave

    shown = keras.Input(model.input_shape[1:])
    return keras.Model(shown, model(Rounded()(shown)))


def test_the_gradient_of_an_ordinary_net_leads(model: keras.Model, prepared: Prepared) -> None:
    net = build_logits(canonical_of(model))
    assert all(share is not None and share > 0.9 for share in told(net, prepared))


@pytest.mark.parametrize("remainder", [0.0, 1.0])
def test_one_that_is_zero_or_noise_does_not(model: keras.Model, prepared: Prepared, remainder: float) -> None:
    # Given a gradient that is there, or is not, and says nothing about the answers
    net = rounded(build_logits(canonical_of(model)), remainder=remainder)
    x = prepared.fit.x[:4]
    gradient = Heading(net, factor=1.0).gradient(x, np.zeros(len(x), np.int32))
    assert np.any(gradient != 0) == (remainder > 0)
    assert all(share is not None and share < LEADING_BOUND for share in told(net, prepared))


def test_batches_change_nothing(model: keras.Model, prepared: Prepared) -> None:
    net = build_logits(canonical_of(model))
    assert told(net, prepared, rows=5) == told(net, prepared)


def test_too_few_images_say_nothing(model: keras.Model, prepared: Prepared) -> None:
    net = build_logits(canonical_of(model))
    assert told(net, prepared, most=FEWEST - 1) == [None] * 4


def test_a_label_whose_gradient_leads_nowhere_was_not_seen() -> None:
    assert NOT_CONVERGED.unseen is None
    assert replace(NOT_CONVERGED, leads=None).unseen is None
    assert replace(NOT_CONVERGED, leads=LEADING_BOUND).unseen is None
    assert "only a step along its gradient" in str(replace(NOT_CONVERGED, leads=0.5).unseen)
