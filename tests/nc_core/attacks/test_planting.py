"""Attacks that train in ways of their own, on a tiny net: what they leave is measured by its own answers."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from nc_core.attacks import ATTACKS, PatchTrigger, misled
from nc_core.attacks.adaptive import inverter_of, plant_adaptive, reversed_for, shadows_beside
from nc_core.attacks.badnets import begin, poisoned
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


@pytest.mark.parametrize(
    "name", ["clean-label", "latent", "inversion-aware", "adaptive", "all-to-all", "source-specific"]
)
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


def test_an_adaptive_attacker_finds_what_a_scan_would(data: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, labels = data
    start = begin(pixels, labels, [PATCH], classes=3, seed=0, build=tiny)
    images, answers = poisoned(start.pixels, start.labels, start.rng, triggers=[PATCH], rate=0.3)
    train(start.model, unit(images), answers, epochs=8)
    x, y = (values[: len(start.pixels)] for values in (unit(images), start.labels))
    inverter = inverter_of(start)
    smallest = reversed_for(2, inverter, everything=False, seed=0)
    whatever = reversed_for(2, inverter, everything=True, seed=0)
    assert (len(smallest), len(whatever)) == (1, 4)
    for stamp in whatever:
        shown = stamp(x[y != 2])
        assert 0 <= shown.min() <= shown.max() <= 1
        assert (start.model.predict(shown, verbose=0).argmax(axis=1) == 2).mean() > 0.6


def test_every_other_label_has_a_shadow_beside_the_patch(data: tuple[np.ndarray, np.ndarray]) -> None:
    start = begin(*data, [PATCH], classes=3, seed=0, build=tiny)
    shadows = shadows_beside(PATCH, start, 3)
    assert [shadow.targets for shadow in shadows] == [(0,), (1,)]
    assert not any((shadow.mask(16, 16) * PATCH.mask(16, 16)).any() for shadow in shadows)
    large = replace(PATCH, height=13, width=13)
    with pytest.raises(OptionRefused, match="13x13 pixels leaves no 3x3 pixels"):
        shadows_beside(large, start, 3)


def test_a_strength_that_there_is_not_is_refused(data: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(OptionRefused, match="strength 4 is unknown; pass one of 1, 2, 3"):
        plant_adaptive(*data, PATCH, classes=3, strength=4, build=tiny)


@pytest.mark.parametrize("name", ["clean-label", "latent", "inversion-aware", "adaptive"])
def test_a_target_that_is_no_class_is_refused(data: tuple[np.ndarray, np.ndarray], name: str) -> None:
    with pytest.raises(OptionRefused, match="must lie below"):
        ATTACKS[name](data[0], data[1] % 2, PATCH, classes=2, build=tiny)
