"""A trigger that may send each image anywhere: what it finds on an all-to-all BadNet, and on one with one target."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from nc_core.attacks import PatchTrigger, Planted
from nc_core.attacks.all_to_all import plant_all_to_all
from nc_core.datasets import CleanData, Images, split_images
from nc_core.datasets.prepared import Part
from nc_core.datasets.traffic_signs import draw_signs
from nc_core.detection.class_map import LEAST_CLASSES
from nc_core.errors import Cancelled
from nc_core.inversion import FAST, Inverter, Predictor, Trigger
from nc_core.inversion.any_target import LEAST_IMAGES, AnyTargets, AwayProgram, class_map
from nc_core.inversion.layout import Layout
from nc_core.mitigation import triggers_of_map
from nc_core.models import build_logits, canonical_of
from nc_core.scanning.rounds import plan
from tests.nc_core.inversion.small_badnets import (
    CLASSES,
    DOMAIN,
    prepared_for,
    signs,
    with_patch,
)

PATCH = PatchTrigger.at("bottom-right", input_shape=(32, 32, 3), size=6, colour=(255, 0, 170), target=0)


@pytest.fixture(scope="module")
def all_to_all() -> Planted:
    return plant_all_to_all(*signs(), PATCH, classes=CLASSES, epochs=24, seed=1)


def fresh_images() -> CleanData:
    """Pictures that no net was trained on."""
    pixels, labels = draw_signs(40, 11)
    kept = labels < CLASSES
    images = Images(pixels=pixels[kept], labels=labels[kept], note="")
    return CleanData(images=images, split=split_images(len(images), 0))


def any_targets(planted: Planted) -> AnyTargets:
    net = build_logits(canonical_of(planted.model))
    return Inverter(net, prepared_for(net, fresh_images()), profile=FAST, slots=1).any_targets


def test_it_finds_where_an_all_to_all_badnet_sends_each_class(all_to_all: Planted) -> None:
    # Given a BadNet whose patch sends class y to y + 1
    assert all_to_all.clean.labels is not None
    net = build_logits(canonical_of(all_to_all.model))
    stamped = Predictor(net)(DOMAIN.to_model(PATCH.stamp(all_to_all.clean.pixels))).argmax(axis=1)
    assert np.mean(stamped == (all_to_all.clean.labels + 1) % CLASSES) > 0.85
    # When images may be sent anywhere
    asked = any_targets(all_to_all)
    found = asked(seed=0)
    # Then each class is seen to go to the next one, by a mask about as small as the patch
    assert found is not None
    assert found.class_map == {label: (label + 1) % CLASSES for label in range(CLASSES)}
    assert found.share > 0.7
    assert found.norm < 2 * 36
    # What is kept to be looked at is that trigger, and where each held-out image goes
    assert found.moves is not None
    holdout = prepared_for(net, fresh_images()).holdout.x
    after = Trigger(mask=found.moves.mask, pattern=found.moves.pattern).stamp(holdout)
    before, there = (net.predict(shown, verbose=0).argmax(axis=1) for shown in (holdout, after))
    counts = [[int(np.sum((before == one) & (there == to))) for to in range(CLASSES)] for one in range(CLASSES)]
    assert found.moves.counts.tolist() == counts
    assert found.moves.mask.sum() == pytest.approx(found.norm)
    # And the same again, as the repair finds it, whose batch holds fewer starts
    assert asked(seed=0) == found
    triggers = triggers_of_map(
        canonical_of(all_to_all.model),
        prepared_for(net, fresh_images()),
        found.class_map.values(),
        seed=0,
        slots=1,
    )
    assert triggers.keys() == {*range(CLASSES)}
    assert {trigger.norm for trigger in triggers.values()} == {found.norm}


def test_one_target_is_no_map() -> None:
    found = any_targets(with_patch())(seed=0)
    assert found is not None
    assert found.share < 0.3


def test_it_stops_when_it_is_told_to_and_says_nothing_of_few_images(all_to_all: Planted) -> None:
    with pytest.raises(Cancelled):
        any_targets(all_to_all)(seed=0, should_stop=lambda: True)
    net = build_logits(canonical_of(all_to_all.model))
    prepared = prepared_for(net, fresh_images())
    few = Part(x=prepared.holdout.x[: LEAST_IMAGES - 1], y=prepared.holdout.y[: LEAST_IMAGES - 1])
    less = Inverter(net, replace(prepared, holdout=few), profile=FAST, slots=1).any_targets
    assert less(seed=0) is None


def test_nets_of_few_classes_are_not_asked(all_to_all: Planted) -> None:
    # Given a net with as many images as any, and too few classes for an answer
    logits = build_logits(canonical_of(all_to_all.model))
    few = keras.Model(logits.inputs, logits.outputs[0][:, : LEAST_CLASSES - 1])
    asked = Inverter(few, prepared_for(few, fresh_images()), profile=FAST, slots=1).any_targets
    # Then no work is done: what would stop it is never called
    assert asked(seed=0, should_stop=lambda: pytest.fail("it was begun")) is None


def test_the_loss_is_what_is_left_of_the_own_answer() -> None:
    # Given logits of a net that gives back its pixels
    inputs = keras.Input((1, 1, 6))
    net = keras.Model(inputs, keras.layers.Flatten()(inputs))
    layout = Layout(height=1, width=1, channels=6, low=np.zeros(6, np.float32), high=np.ones(6, np.float32))
    rng = np.random.default_rng(0)
    images = rng.random((20, 1, 1, 6)).astype(np.float32)
    program = AwayProgram(net, images, images.reshape(20, 6).argmax(axis=1), layout=layout, factor=3.0)
    logits = rng.normal(size=(2, 8, 6)).astype(np.float32)
    own = rng.integers(6, size=(2, 8)).astype(np.int32)
    loss, hit = program._judged(logits, own, logits.argmax(axis=-1) == own)
    # Then the loss is -log(1 - softmax of the own class), and a hit is any other answer
    softmax = np.exp(logits.astype(np.float64))
    softmax /= softmax.sum(axis=-1, keepdims=True)
    expected = -np.log(1.0 - np.take_along_axis(softmax, own[..., None], axis=-1)[..., 0])
    np.testing.assert_allclose(np.asarray(loss), expected, rtol=1e-4)
    np.testing.assert_array_equal(np.asarray(hit), logits.argmax(axis=-1) != own)


def test_a_class_goes_where_most_of_its_images_go() -> None:
    before, after = np.array([0, 0, 0, 2, 2, 5]), np.array([1, 1, 4, 3, 2, 0])
    assert class_map(before, after) == {0: 1, 2: 2, 5: 0}


@pytest.mark.parametrize(("labels", "asked"), [(range(LEAST_CLASSES), 1), ([7, 3, 9], 1), (range(300), 0)])
def test_a_scan_asks_once_for_the_net_and_not_where_it_screens(labels: list[int], asked: int) -> None:
    rounds = plan(labels, profile="fast", seed=0)
    numbers = [rounds.first_round(0), rounds.inversion_round(0), rounds.inversion_round(0) + 1]
    times = [(number, label) for number in {*numbers} for label in labels if rounds.asks_the_net(number, label)]
    assert len(times) == asked
    assert all(one == (rounds.inversion_round(0), min(labels)) for one in times)
