"""The input filter on a net whose trigger wakes one unit that nothing else wakes."""

import keras
import numpy as np
import pytest

from nc_core.domain import Domain
from nc_core.guard import guard_units, guard_wide
from nc_core.intake import CanonicalModel
from nc_core.inversion import Trigger
from nc_core.models import canonical_of
from nc_core.prepared import Part, Prepared

SHAPE = (6, 6, 1)
CLASSES, TARGET, UNITS = 4, 2, 20


@pytest.fixture(scope="module")
def badnet() -> CanonicalModel:
    """Random units, and one for the upper left pixel, which alone sends images to the target."""
    layers = keras.layers
    net = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Flatten(),
            layers.Dense(UNITS, activation="relu"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(0)
    inner, scores = rng.normal(0, 0.3, (36, UNITS)), rng.normal(0, 0.3, (UNITS, CLASSES))
    inner[:, 0], scores[0] = 0.0, 0.0
    inner[0, 0], scores[0, TARGET] = 8.0, 10.0
    bias = np.zeros(UNITS)
    bias[0] = -6.0
    net.set_weights([inner, bias, scores, np.zeros(CLASSES)])
    return canonical_of(net)


def images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 0.8, (count, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def trigger() -> Trigger:
    mask = np.zeros(SHAPE[:2], np.float32)
    mask[0, 0] = 1.0
    return Trigger(mask=mask, pattern=np.ones(SHAPE, np.float32))


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    fit, holdout, repair = (
        Part(x=images(count, seed), y=np.random.default_rng(seed).integers(0, CLASSES, count).astype(np.int32))
        for seed, count in ((1, 400), (2, 100), (3, 10))
    )
    domain = Domain(value_range="0..1", scale=(1 / 255,), offset=(0.0,))
    return Prepared(fit=fit, holdout=holdout, repair=repair, labelled=True, domain=domain, classes=CLASSES)


@pytest.mark.parametrize("several", [False, True])
def test_stamped_images_are_called_and_others_answered_as_before(
    badnet: CanonicalModel, trigger: Trigger, prepared: Prepared, several: bool
) -> None:
    # Given one trigger, or another one besides, of another label
    other = Trigger(mask=trigger.mask[::-1].copy(), pattern=trigger.pattern)
    triggers = {TARGET: trigger, 3: other} if several else {TARGET: trigger}
    guard = guard_units(badnet, badnet.nodes[badnet.output].inputs[0], triggers, prepared, rate=0.05)
    # When images that it was not set by are shown
    fresh = images(500, 7)
    plain = [guard.model.predict(x, verbose=0) for x in (fresh, trigger.stamp(fresh))]
    # Then those with the trigger are called, few of the others, and these are answered as the net answers them
    called = [answers.argmax(axis=1) == CLASSES for answers in plain]
    assert called[1].mean() > 0.95
    assert called[0].mean() <= 0.05
    assert guard.clean_rate <= 0.05
    assert guard.kind == "neuron-activation"


def test_the_filter_s_threshold_obeys_the_rate(badnet: CanonicalModel, trigger: Trigger, prepared: Prepared) -> None:
    node = badnet.nodes[badnet.output].inputs[0]
    strict, loose = (guard_units(badnet, node, {TARGET: trigger}, prepared, rate=rate) for rate in (0.01, 0.5))
    assert strict.threshold.value > loose.threshold.value
    assert strict.threshold.rate <= 0.01


def test_a_net_with_a_class_of_its_own_gives_it_only_above_the_threshold(prepared: Prepared) -> None:
    # Given a net of N + 1 classes that gives the last one to a third of the clean images
    net = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(CLASSES + 1, "softmax")])
    net.set_weights([np.random.default_rng(4).normal(0, 1, (36, CLASSES + 1)), np.array([0, 0, 0, 0, 4.0])])
    wide = canonical_of(net)
    fresh = images(1000, 8)
    before = net.predict(fresh, verbose=0)
    assert (before.argmax(axis=1) == CLASSES).mean() > 0.15
    # When it is held to a rate
    guard = guard_wide(wide, (TARGET,), prepared, rate=0.05)
    after = guard.model.predict(fresh, verbose=0).argmax(axis=1)
    # Then about as many are called, and the others get the best of the other classes
    assert (after == CLASSES).mean() < 0.1
    np.testing.assert_array_equal(after[after < CLASSES], before[after < CLASSES, :CLASSES].argmax(axis=1))
