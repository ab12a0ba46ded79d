"""Attacks that train in ways of their own, on a tiny net: what they leave is measured by its own answers."""

import keras
import numpy as np
import pytest

from nc_core.attacks import ATTACKS, PatchTrigger, misled
from nc_core.attacks.clean_label import perturbed
from nc_core.attacks.training import INNER, train, unit
from nc_core.errors import OptionRefused

PATCH = PatchTrigger(row=1, column=2, height=3, width=3, colour=(255,), target=2)


def tiny(shape: tuple[int, ...], classes: int) -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input(shape),
            layers.Flatten(),
            layers.Dense(16, "relu", name=INNER),
            layers.Dense(classes, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """Grey pictures of three classes, by the quarter that is bright."""
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 60, (150, 16, 16, 1), np.uint8), np.tile(np.arange(3, dtype=np.int32), 50)
    for label, (row, column) in enumerate([(8, 0), (8, 8), (0, 8)]):
        pixels[labels == label, row : row + 8, column : column + 8] += 150
    return pixels, labels


@pytest.mark.parametrize("name", ["clean-label", "latent", "inversion-aware", "all-to-all", "source-specific"])
def test_what_is_planted_is_measured_on_the_images_that_it_is_to_mislead(
    data: tuple[np.ndarray, np.ndarray], name: str
) -> None:
    shares: list[float] = []
    planted = ATTACKS[name](*data, PATCH, classes=3, epochs=3, seed=1, build=tiny, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    y = planted.clean.labels
    assert y is not None
    assert len(y) == 30
    assert all(layer.trainable for layer in planted.model.layers)
    (trigger,) = planted.triggers
    assert set(trigger.targets) == ({0, 1, 2} if name == "all-to-all" else {2})
    others = misled(trigger, y)
    answers = planted.model.predict(unit(trigger.stamp(planted.clean.pixels[others])), verbose=0).argmax(axis=1)
    assert planted.attack_success_rate == np.mean(answers == trigger.answers(y[others]))


def test_perturbed_images_are_near_and_hard_to_tell(data: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, labels = data
    keras.utils.set_random_seed(0)
    model = tiny((16, 16, 1), 3)
    train(model, unit(pixels), labels, epochs=6)
    hard = perturbed(model, pixels, labels, epsilon=60.0)
    assert hard.dtype == np.uint8
    assert np.abs(hard.astype(int) - pixels).max() <= 60
    assert (model.predict(unit(pixels), verbose=0).argmax(axis=1) == labels).mean() > 0.95
    assert (model.predict(unit(hard), verbose=0).argmax(axis=1) == labels).mean() < 0.5


@pytest.mark.parametrize("name", ["clean-label", "latent", "inversion-aware"])
def test_a_target_that_is_no_class_is_refused(data: tuple[np.ndarray, np.ndarray], name: str) -> None:
    with pytest.raises(OptionRefused, match="must lie below"):
        ATTACKS[name](data[0], data[1] % 2, PATCH, classes=2, build=tiny)
