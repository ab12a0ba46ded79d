"""The input filter on a net whose trigger wakes one unit that nothing else wakes."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Part, Prepared
from nc_core.guard import guard_units, guard_wide
from nc_core.intake import CanonicalModel
from nc_core.inversion import Trigger
from nc_core.models import build_logits, canonical_of, with_weights

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
    fresh = images(4000, 7)
    plain = [guard.model.predict(x, verbose=0) for x in (fresh, trigger.stamp(fresh))]
    # Then those with the trigger are called, and of all others about as many as was asked for, whatever they answer
    called = [answers.argmax(axis=1) == CLASSES for answers in plain]
    assert called[1].mean() > 0.95
    assert 0.03 < called[0].mean() < 0.06
    assert guard.clean_rate == (guard.model.predict(prepared.holdout.x, verbose=0).argmax(axis=1) == CLASSES).mean()
    assert guard.kind == "neuron-activation"


def shared_unit(badnet: CanonicalModel) -> CanonicalModel:
    """The same net, which answers 0 where the pixel beside the trigger's is bright, whatever the unit does."""
    net = build_logits(badnet)
    inner, bias, scores, none = net.get_weights()
    inner[:, 1], scores[1] = 0.0, 0.0
    inner[1, 1], bias[1], scores[1, 0] = 8.0, -6.0, 50.0
    net.set_weights([inner, bias, scores, none])
    return with_weights(badnet, net)


def test_the_rate_is_that_of_all_clean_images_whatever_wakes_the_units(
    badnet: CanonicalModel, trigger: Trigger, prepared: Prepared, tmp_path: Path
) -> None:
    # Given that a quarter of the clean images wake the trigger's unit, and that half of them are of another class
    def waking(count: int, seed: int) -> np.ndarray:
        x = images(count, seed)
        x[:, 0, 0, 0] /= 0.8
        x[::2, 0, 1, 0] = 1.0
        return x

    fit, fresh = Part(x=waking(400, 1), y=np.zeros(400, np.int32)), waking(500, 7)
    net = shared_unit(badnet)
    # When the filter for the other half's label is set for 5%, saved, and loaded with plain Keras
    guard = guard_units(net, net.nodes[net.output].inputs[0], {TARGET: trigger}, replace(prepared, fit=fit), rate=0.05)
    guard.model.save(tmp_path / "guarded.keras")
    saved = keras.models.load_model(tmp_path / "guarded.keras")
    # Then of the 400 images it calls as many as (k + 1) / 401 <= 5% allows
    assert (saved.predict(fit.x, verbose=0).argmax(axis=1) == CLASSES).sum() == 19
    # And of others every one that it answers the target on and that wakes the unit more than the threshold
    unit = [np.maximum(0.0, 8.0 * x[:, 0, 0, 0] - 6.0) for x in (fit.x, fresh)]
    awake = (unit[1] - unit[0].mean()) / unit[0].std() > guard.threshold.value
    answers = build_logits(net).predict(fresh, verbose=0).argmax(axis=1)
    expected = np.where(awake & (answers == TARGET), CLASSES, answers)
    assert 10 < (expected == CLASSES).sum() < 50
    np.testing.assert_array_equal(saved.predict(fresh, verbose=0).argmax(axis=1), expected)


def test_a_flagged_class_is_spared_where_all_classes_ask_for_less(
    badnet: CanonicalModel, trigger: Trigger, prepared: Prepared
) -> None:
    # Given that one image in 10 is of the flagged class, and that these wake the trigger's unit
    def with_own(part: Part) -> Part:
        own = np.arange(len(part)) % 10 == 0
        x, y = part.x.copy(), np.where(own, TARGET, 0).astype(np.int32)
        x[:, 0, 0, 0] = np.where(own, 0.8 + 0.25 * x[:, 0, 0, 0], 0.0)
        return Part(x=x, y=y)

    given = replace(prepared, fit=with_own(prepared.fit), holdout=with_own(Part(x=images(4000, 7), y=np.zeros(4000))))
    # When the filter is set for a rate of 20%
    guard = guard_units(badnet, badnet.nodes[badnet.output].inputs[0], {TARGET: trigger}, given, rate=0.2)
    # Then it calls about as few of that class, of which all classes together would have it call every image
    assert 0.05 < guard.class_rates[TARGET] < 0.35


@pytest.mark.parametrize("guarded", ["units", "wide"])
def test_without_labels_images_that_may_hold_the_trigger_set_no_threshold(
    badnet: CanonicalModel, trigger: Trigger, prepared: Prepared, guarded: str
) -> None:
    # Given unlabelled images of which one in ten holds the trigger, as the net's own answers show
    mixed = prepared.fit.x.copy()
    mixed[::10] = trigger.stamp(mixed[::10])
    y = build_logits(badnet).predict(mixed, verbose=0).argmax(axis=1).astype(np.int32)
    given = replace(prepared, fit=Part(x=mixed, y=y), labelled=False)
    # When a guard is set for a rate of 5%, the filter or a net with a class of its own for bright upper left pixels
    if guarded == "units":
        guard = guard_units(badnet, badnet.nodes[badnet.output].inputs[0], {TARGET: trigger}, given, rate=0.05)
    else:
        guard = guard_wide(wide_net(0, offset=-8.5), (TARGET,), given, rate=0.05)
    # Then it calls the trigger all the same, and says that it knows no image of the flagged class
    fresh = trigger.stamp(images(500, 7))
    assert (guard.model.predict(fresh, verbose=0).argmax(axis=1) == CLASSES).mean() > 0.9
    assert guard.class_rates == {}
    assert any("no labels" in note for note in guard.notes)


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


def wide_net(pixel: int, *, offset: float) -> CanonicalModel:
    """Gives class N a logit of ten times a pixel's value and the offset, and the others random ones."""
    net = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(CLASSES + 1, "softmax")])
    kernel, bias = np.random.default_rng(4).normal(0, 0.1, (36, CLASSES + 1)), np.zeros(CLASSES + 1)
    kernel[:, CLASSES], kernel[pixel] = 0.0, 0.0
    kernel[pixel, CLASSES], bias[CLASSES] = 10.0, offset
    net.set_weights([kernel, bias])
    return canonical_of(net)


def test_a_net_with_a_class_of_its_own_spares_a_flagged_class(prepared: Prepared) -> None:
    # Given a net that gives class N to bright last pixels, which one image in 20 has: those of the flagged class
    def with_own(part: Part) -> Part:
        own = np.arange(len(part)) % 20 == 0
        x = part.x.copy()
        x[:, -1, -1, 0] += np.where(own, 0.9, 0.0)
        return Part(x=x, y=np.where(own, TARGET, 0).astype(np.int32))

    given = replace(prepared, fit=with_own(prepared.fit), holdout=with_own(Part(x=images(4000, 7), y=np.zeros(4000))))
    # When it is held to a rate of 10%
    guard = guard_wide(wide_net(35, offset=-5.0), (TARGET,), given, rate=0.1)
    # Then few of that class are called
    assert guard.class_rates[TARGET] < 0.2
    assert any("20 of label 2 among them" in note for note in guard.notes)


def test_a_net_with_a_class_of_its_own_calls_what_leads_more_than_any_image_of_the_flagged_class(
    prepared: Prepared,
) -> None:
    # Given a net that gives class N by the last pixel, of which the flagged class has the brighter half of all values
    y = np.where(np.arange(400) % 20 == 0, TARGET, 0).astype(np.int32)
    x = prepared.fit.x.copy()
    x[y == TARGET, -1, -1, 0] = np.linspace(0.4, 0.8, 20)
    given = replace(prepared, fit=Part(x=x, y=y))
    # When it is held to a rate, then an image with a still brighter one is called
    guard = guard_wide(wide_net(35, offset=-2.0), (TARGET,), given, rate=0.01)
    stamped = images(200, 7)
    stamped[:, -1, -1, 0] = 0.97
    assert (guard.model.predict(stamped, verbose=0).argmax(axis=1) == CLASSES).mean() > 0.9
