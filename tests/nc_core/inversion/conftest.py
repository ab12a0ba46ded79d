"""A small net and random images of awkward sizes: odd sides and odd class counts are where padding matters."""

import keras
import numpy as np
import pytest

from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Part, Prepared

SHAPE = (13, 11, 3)
CLASSES = 7


def _part(rng: np.random.Generator, domain: Domain, count: int) -> Part:
    pixels = rng.integers(0, 256, (count, *SHAPE))
    return Part(x=domain.to_model(pixels), y=rng.integers(0, CLASSES, count).astype(np.int32))


@pytest.fixture(scope="session")
def prepared() -> Prepared:
    rng = np.random.default_rng(5)
    domain = Domain(value_range="0..1", scale=(1 / 255,) * 3, offset=(0.0,) * 3)
    fit, holdout, repair = (_part(rng, domain, count) for count in (90, 40, 40))
    return Prepared(fit=fit, holdout=holdout, repair=repair, labelled=True, domain=domain, classes=CLASSES)


@pytest.fixture(scope="session")
def model() -> keras.Model:
    """Convolutions, dense layers, logits; weights drawn once from a seed."""
    layers = keras.layers
    net = keras.Sequential(
        [
            layers.Input(SHAPE),
            layers.Conv2D(5, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(19, activation="relu"),
            layers.Dense(CLASSES),
        ]
    )
    rng = np.random.default_rng(9)
    net.set_weights([rng.normal(0, 0.3, weight.shape).astype(np.float32) for weight in net.get_weights()])
    return net
