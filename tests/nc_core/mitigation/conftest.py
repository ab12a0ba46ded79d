"""A small net with everything that makes training random or stateful, and images that it can learn."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from nc_core.domain import Domain
from nc_core.intake import CanonicalModel
from nc_core.inversion import Profile, Trigger
from nc_core.mitigation.lessons import Lessons
from nc_core.models import canonical_of
from nc_core.prepared import Part, Prepared
from nc_core.profiles.proportional import ProportionalControl

CLASSES = 4


@pytest.fixture
def tiny_net() -> CanonicalModel:
    random = keras.initializers.GlorotUniform(seed=3)
    layers = keras.layers
    return canonical_of(
        keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                layers.Conv2D(8, 3, activation="relu", kernel_initializer=random),
                layers.BatchNormalization(),
                layers.Flatten(),
                layers.Dropout(0.4),
                layers.Dense(CLASSES, "softmax", kernel_initializer=random),
            ]
        )
    )


@pytest.fixture
def part() -> Callable[[int], Part]:
    """Images with one bright quarter, which is their class; another seed, other images."""

    def draw(seed: int, count: int = 160) -> Part:
        generator = np.random.default_rng(seed)
        y = generator.integers(CLASSES, size=count).astype(np.int32)
        x = generator.uniform(0.0, 0.4, (count, 8, 8, 1)).astype(np.float32)
        for nth, label in enumerate(y):
            row, column = divmod(int(label), 2)
            x[nth, row * 4 : row * 4 + 4, column * 4 : column * 4 + 4] += 0.5
        return Part(x=x, y=y)

    return draw


@pytest.fixture
def prepared(part: Callable[[int], Part]) -> Prepared:
    domain = Domain(value_range="0..1", scale=(1 / 255,), offset=(0.0,))
    return Prepared(fit=part(1), holdout=part(2), repair=part(3), labelled=True, domain=domain, classes=CLASSES)


@pytest.fixture
def lessons(part: Callable[[int], Part]) -> Lessons:
    drawn = part(3)
    return Lessons(x=drawn.x, y=drawn.y, target=np.eye(CLASSES, dtype=np.float32)[drawn.y])


@pytest.fixture
def trigger() -> Trigger:
    mask = np.zeros((8, 8), np.float32)
    mask[:2, :2] = 0.9
    return Trigger(mask=mask, pattern=np.ones((8, 8, 1), np.float32))


@pytest.fixture
def short_profile() -> Profile:
    return Profile(
        name="short",
        batch=16,
        updates_per_step=4,
        max_steps=6,
        control=ProportionalControl(patience=4),
    )
