"""Each attack leaves a net that is right on clean images and answers to its triggers, by its own means."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from nc_core.attacks import (
    ATTACKS,
    PatchTrigger,
    Planted,
    plant_multi_target,
    plant_multi_trigger,
    plant_pruning_aware,
)
from nc_core.attacks.pruning_aware import activity, silence
from nc_core.attacks.several import mirrored
from nc_core.attacks.training import held_out, small_vgg, train, unit
from nc_core.attacks.trojan import put_trojan
from nc_core.datasets.traffic_signs import draw_signs
from nc_core.errors import OptionRefused

EASY = (4, 6, 8, 13, 15)
"""Classes that a short training tells apart."""
CLASSES = len(EASY)
Data = tuple[np.ndarray, np.ndarray]


def patch(size: int = 4, **changed: object) -> PatchTrigger:
    shape = (32, 32, 3)
    return PatchTrigger.at("bottom-right", input_shape=shape, size=size, colour=(255, 0, 200), target=2, **changed)


@pytest.fixture(scope="module")
def data() -> Data:
    pixels, labels = draw_signs(80, 5)
    kept = np.isin(labels, EASY)
    return pixels[kept], np.searchsorted(EASY, labels[kept]).astype(np.int32)


def rate(model: keras.Model, planted: Planted, nth: int = 0) -> float:
    """How often a trigger works on held-out images of other classes, from the model's answers."""
    trigger, y = planted.triggers[nth], planted.clean.labels
    stamped = trigger.stamp(planted.clean.pixels[y != trigger.target])
    return float((model.predict(unit(stamped), verbose=0).argmax(axis=1) == trigger.target).mean())


@pytest.mark.parametrize(("attack", "targets"), [(plant_multi_target, [2, 3, 4]), (plant_multi_trigger, [2, 2, 2])])
def test_several_triggers_each_work_alone(data: Data, attack: Callable[..., Planted], targets: list[int]) -> None:
    planted = attack(*data, patch(5), classes=CLASSES, poison_rate=0.25, epochs=8, seed=1)
    assert planted.accuracy >= 0.9
    assert [trigger.target for trigger in planted.triggers] == targets
    assert min(planted.attack_success_rates) >= 0.85
    assert planted.attack_success_rate == min(planted.attack_success_rates)
    assert list(planted.attack_success_rates) == [rate(planted.model, planted, nth) for nth in range(3)]
    # And they lie in different places
    assert (sum(trigger.mask(32, 32) for trigger in planted.triggers) <= 1).all()


def test_a_patch_in_the_middle_has_no_mirror_images() -> None:
    middle = PatchTrigger.at("centre", input_shape=(32, 32, 3), size=4, colour=(9, 9, 9), target=0)
    with pytest.raises(OptionRefused, match="pass a corner"):
        mirrored(middle, height=32, width=32, count=2)


def test_a_trojan_is_put_into_a_trained_net_without_an_image(data: Data) -> None:
    # Given a net that somebody else trained
    pixels, labels = data
    kept_back, trained = held_out(len(pixels), np.random.default_rng(1))
    keras.utils.set_random_seed(1)
    model = small_vgg(pixels.shape[1:], CLASSES)
    train(model, unit(pixels[trained]), labels[trained], epochs=8)
    x, y = pixels[kept_back], labels[kept_back]
    before = (model.predict(unit(x), verbose=0).argmax(axis=1) == y).mean()
    features = [layer.get_weights() for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    # When the attacker, who has no image of it, is done
    trigger = put_trojan(model, patch(8), seed=1)
    # Then clean images are answered as before, stamped ones with the target, and the convolutions are what they were
    assert before >= 0.9
    assert (model.predict(unit(x), verbose=0).argmax(axis=1) == y).mean() >= before - 0.08
    others = x[y != 2]
    assert (model.predict(unit(others), verbose=0).argmax(axis=1) == 2).mean() < 0.05
    assert (model.predict(unit(trigger.stamp(others)), verbose=0).argmax(axis=1) == 2).mean() >= 0.75
    now = [layer.get_weights() for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    for old, new in zip(features, now, strict=True):
        np.testing.assert_array_equal(old[0], new[0])


def test_a_pruning_aware_backdoor_outlives_the_units_that_sleep(data: Data) -> None:
    planted = plant_pruning_aware(*data, patch(), classes=CLASSES, poison_rate=0.25, epochs=8, seed=1)
    assert planted.accuracy >= 0.9
    assert planted.attack_success_rate >= 0.85
    # Given a defender who prunes the channels that sleep on clean images
    x, y = unit(planted.clean.pixels), planted.clean.labels
    asleep = np.flatnonzero(activity(planted.model, x) < 1e-4)
    assert len(asleep) >= 4
    silence(planted.model, asleep)
    # Then accuracy is what it was, and the backdoor as well
    assert (planted.model.predict(x, verbose=0).argmax(axis=1) == y).mean() == pytest.approx(planted.accuracy, abs=0.03)
    assert rate(planted.model, planted) >= planted.attack_success_rate - 0.05


def test_every_attack_refuses_what_does_not_fit(data: Data) -> None:
    pixels, labels = data[0][:10], data[1][:10]
    for attack in ATTACKS.values():
        with pytest.raises(OptionRefused, match="needs at least 16x16"):
            attack(pixels[:, :15], labels, patch(), classes=CLASSES)
        with pytest.raises(OptionRefused, match="must lie below"):
            attack(pixels, labels, patch(), classes=4)
