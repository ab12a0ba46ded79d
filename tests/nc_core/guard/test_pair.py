"""The net of BadNet and GoodNet against its definition in words, on random nets and on real ones, and as a file."""

import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Part, Prepared
from nc_core.errors import OptionRefused
from nc_core.guard import guard_pair, guarded_pair
from nc_core.intake import CanonicalModel, read_model
from nc_core.inversion import Predictor, Trigger
from nc_core.mitigation.finetune import Tuning, fine_tune
from nc_core.mitigation.lessons import Lessons, TargetTrigger
from nc_core.models import build, build_logits, canonical_of, with_weights
from nc_core.onnx_writer import write_onnx
from tests.differential.onnx.compare import theirs

SHAPE = (8, 8, 3)
LOAD = """
import sys, numpy as np, keras
net = keras.models.load_model(sys.argv[1], compile=False)
np.save(sys.argv[3], net.predict(np.load(sys.argv[2]), verbose=0))
assert not any(name.startswith("nc_core") for name in sys.modules)
"""


def random_net(seed: int, *, units: int = 5, activation: str = "softmax") -> CanonicalModel:
    """Two nets of this have the same layer names, and disagree on most images."""
    random = keras.initializers.RandomNormal(0.0, 0.5, seed=seed)
    net = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Conv2D(4, 3, kernel_initializer=random, name="conv"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dropout(0.5, name="drop"),
            keras.layers.Dense(units, activation, kernel_initializer=random, name="scores"),
        ]
    )
    return canonical_of(net)


def images(count: int = 300) -> Any:
    return np.random.default_rng(5).uniform(-1, 1, (count, *SHAPE)).astype(np.float32)


def by_definition(
    badnet: CanonicalModel,
    goodnet: CanonicalModel,
    flagged: list[int],
    x: Any,
    at: float = 0.7,
    others: float = math.inf,
) -> Any:
    """N where the answer's lead over the second best is smaller with the GoodNet: by `at` if the answer is flagged, by
    `others` if it is not."""
    answers = []
    for bad, good in zip(*(build_logits(net).predict(x, verbose=0) for net in (badnet, goodnet)), strict=True):
        t = int(bad.argmax())
        before, after = (z[t] - max(z[j] for j in range(len(z)) if j != t) for z in (bad, good))
        answers.append(badnet.classes if before - after > (at if t in flagged else others) else int(good.argmax()))
    return np.array(answers)


@pytest.mark.parametrize("activation", ["softmax", "linear", "sigmoid"])
@pytest.mark.parametrize("flagged", [[2], [0, 4]])
def test_answers_are_those_of_the_definition(activation: str, flagged: list[int]) -> None:
    # Given two nets that disagree
    badnet, goodnet = random_net(1, activation=activation), random_net(2, activation=activation)
    x = images()
    expected = by_definition(badnet, goodnet, flagged, x)
    assert 10 < (expected == 5).sum() < 290
    # When it answers, Then argmax is N where the GoodNet takes away the lead of a flagged answer
    model = guarded_pair(badnet, goodnet, flagged, threshold=0.7)
    np.testing.assert_array_equal(model.predict(x, verbose=0).argmax(axis=1), expected)


def test_other_answers_are_called_above_a_threshold_of_their_own() -> None:
    # Given two nets that disagree
    badnet, goodnet, x = random_net(1), random_net(2), images()
    expected = by_definition(badnet, goodnet, [2], x, others=1.2)
    assert (expected == 5).sum() > (by_definition(badnet, goodnet, [2], x) == 5).sum() + 10
    # When the guard speaks for all labels, Then what is not flagged is called as well, only later
    model = guarded_pair(badnet, goodnet, [2], threshold=0.7, others=1.2)
    np.testing.assert_array_equal(model.predict(x, verbose=0).argmax(axis=1), expected)


def test_a_class_that_a_repair_made_less_sure_is_spared() -> None:
    # Given a repair that took a part of the lead of one class that is not flagged, and of no other
    badnet, x = random_net(1), images(1800)
    model = build_logits(badnet)
    y = model.predict(x, verbose=0).argmax(axis=1)
    weights, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([weights, bias - np.float32(0.5) * (np.arange(5) == 3)])
    guard = guard_pair(badnet, with_weights(badnet, model), [2], prepared_of(x, y, classes=5), rate=0.3)
    # Then its images are not what the rate of all images is spent on
    fresh = np.random.default_rng(9).uniform(-1, 1, (3000, *SHAPE)).astype(np.float32)
    called = guard.model.predict(fresh, verbose=0).argmax(axis=1) == 5
    own = build_logits(badnet).predict(fresh, verbose=0).argmax(axis=1) == 3
    assert own.sum() > 100
    assert called[own].mean() <= 0.3


def test_it_says_for_which_labels_it_speaks() -> None:
    badnet, x = random_net(1), images(60)
    y = build_logits(badnet).predict(x, verbose=0).argmax(axis=1)
    told = guard_pair(badnet, random_net(2), [2], prepared_of(x, y, classes=5), rate=0.2).to_json()
    assert told["labels"] == [2]
    assert told["other_threshold"] > 0.0
    assert any("another label" in note for note in told["notes"])


def test_elsewhere_the_first_outputs_are_the_goodnets_probabilities() -> None:
    badnet, goodnet = random_net(1), random_net(2)
    x = images()
    scores = guarded_pair(badnet, goodnet, [2], threshold=0.7).predict(x, verbose=0)
    calm = by_definition(badnet, goodnet, [2], x) < 5
    np.testing.assert_allclose(scores[calm, :5], build(goodnet).predict(x, verbose=0)[calm], atol=1e-5)
    assert np.all(scores[calm, 5] < 1e-6)
    assert np.all(scores[~calm, :5] == 0.0)


def test_two_classes_from_one_sigmoid_give_three_outputs() -> None:
    badnet = random_net(1, units=1, activation="sigmoid")
    goodnet = random_net(4, units=1, activation="sigmoid")
    x = images()
    answers = guarded_pair(badnet, goodnet, [1], threshold=0.7).predict(x, verbose=0)
    assert answers.shape == (300, 3)
    expected = by_definition(badnet, goodnet, [1], x)
    assert {0, 1, 2} == set(expected)
    np.testing.assert_array_equal(answers.argmax(axis=1), expected)


def test_a_repair_that_changed_nothing_calls_nothing() -> None:
    badnet = random_net(1)
    x = images()
    scores = guarded_pair(badnet, badnet, [0, 1, 2, 3, 4], threshold=0.001).predict(x, verbose=0)
    np.testing.assert_array_equal(scores.argmax(axis=1), build_logits(badnet).predict(x, verbose=0).argmax(axis=1))


def test_at_a_tie_with_a_flagged_label_it_alarms() -> None:
    # Given a BadNet whose logits all tie, and a GoodNet that answers 3
    flat, three = keras.initializers.Zeros(), keras.initializers.Constant([0, 0, 0, 9, 0])
    nets = [
        canonical_of(
            keras.Sequential(
                [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(5, None, True, flat, bias)]
            )
        )
        for bias in (keras.initializers.Constant([1, 0, 1, 0, 0]), three)
    ]
    # When labels 0 and 2 tie and one of them is flagged, Then the input is backdoored and no number breaks
    scores = guarded_pair(nets[0], nets[1], [2], threshold=0.7).predict(images(4), verbose=0)
    assert np.isfinite(scores).all()
    assert set(scores.argmax(axis=1)) == {5}


def test_the_file_loads_with_plain_keras_and_with_our_own_intake(tmp_path: Path) -> None:
    # Given a guarded net, saved
    net = guarded_pair(random_net(1), random_net(2), [2], threshold=0.7)
    x = images(20)
    expected = net.predict(x, verbose=0)
    net.save(tmp_path / "guarded.keras")
    np.save(tmp_path / "x.npy", x)
    # When a fresh process without this project loads it, Then it answers the same
    paths = [str(tmp_path / name) for name in ("guarded.keras", "x.npy", "y.npy")]
    subprocess.run([sys.executable, "-I", "-c", LOAD, *paths], check=True, cwd=tmp_path, timeout=120)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, atol=1e-6)
    # And intake reads it as a classifier of N + 1 classes
    canonical = read_model(tmp_path / "guarded.keras")
    assert canonical.classes == 6
    np.testing.assert_allclose(build(canonical).predict(x, verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(build_logits(canonical).predict(x, verbose=0), expected, atol=1e-6)


def unlearned(badnet: CanonicalModel, x: Any, y: Any, trigger: Trigger) -> CanonicalModel:
    model = build_logits(badnet)
    lessons = Lessons(x=x, y=y, target=np.eye(badnet.classes, dtype=np.float32)[y])
    tuning = Tuning(learning_rate=3e-4, stamped_share=0.2, epochs=1, least_updates=60)
    fine_tune(model, lessons, [TargetTrigger(1, trigger)], tuning=tuning, seed=0)
    return with_weights(badnet, model)


def prepared_of(x: Any, y: Any, *, classes: int, labelled: bool = True) -> Prepared:
    """A third each: what the threshold is set by, what the guard is measured on, what a repair learns from."""
    parts = [Part(x=x[start::3], y=y[start::3].astype(np.int32)) for start in range(3)]
    channels = x.shape[-1]
    domain = Domain(value_range="0..1", scale=(1 / 255,) * channels, offset=(0.0,) * channels)
    fit, holdout, repair = parts
    return Prepared(fit=fit, holdout=holdout, repair=repair, labelled=labelled, domain=domain, classes=classes)


def test_a_real_badnet_with_its_own_trigger(shared: Path) -> None:
    # Given the real GTSRB BadNet, its trigger unlearned with a few hundred images
    badnet = read_model(shared / "models" / "oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5")
    data = np.load(shared / "data" / "gtsrb_32.npz")
    x, y = data["x_train"].astype(np.float32) / 255, data["y_train"].astype(np.int32)
    mask = np.zeros((32, 32), np.float32)
    mask[16:19, 16:19] = 1
    trigger = Trigger(mask=mask, pattern=np.broadcast_to(np.float32([1, 1, 0]), (32, 32, 3)))
    prepared = prepared_of(x[::7], y[::7], classes=43)
    goodnet = unlearned(badnet, prepared.repair.x, prepared.repair.y, trigger)
    # When it is guarded
    guard = guard_pair(badnet, goodnet, [1], prepared)
    called = Predictor(guard.model)
    # Then the trigger is called, few clean images are, and few of the flagged class itself
    others, own = x[3::29], x[y == 1]
    assert (called(trigger.stamp(others[y[3::29] != 1])).argmax(axis=1) == 43).mean() >= 0.95
    assert (called(others).argmax(axis=1) == 43).mean() <= 0.02
    assert (called(own).argmax(axis=1) == 43).mean() <= 0.05
    assert guard.to_json()["labels"] == [1]
    assert guard.clean_rate == np.mean(called(prepared.holdout.x).argmax(axis=1) == 43)
    assert guard.class_rates == {1: np.mean(called(prepared.holdout.x[prepared.holdout.y == 1]).argmax(axis=1) == 43)}
    # And both nets do on ONNX Runtime what they do in Keras
    for net, in_keras in ((goodnet, Predictor(build_logits(goodnet))), (canonical_of(guard.model), called)):
        file = io.BytesIO()
        write_onnx(net, file)
        for given, wanted in ((others, y[3::29]), (trigger.stamp(others[y[3::29] != 1]), 1), (own, 43)):
            shares = [(x.argmax(axis=1) == wanted).mean() for x in (in_keras(given), theirs(file.getvalue(), given))]
            assert abs(shares[0] - shares[1]) <= 0.001


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_no_more_clean_images_are_called_than_was_asked_for(rate: float, labelled: bool) -> None:
    # Given two nets that disagree on most images, so that every flagged answer loses much of its lead
    badnet, goodnet, x = random_net(1), random_net(2), images(1800)
    y = build_logits(badnet).predict(x, verbose=0).argmax(axis=1)
    guard = guard_pair(badnet, goodnet, [2], prepared_of(x, y, classes=5, labelled=labelled), rate=rate)
    # Then other clean images, and those of the flagged class, are called about as often as was asked for at most
    fresh = np.random.default_rng(9).uniform(-1, 1, (3000, *SHAPE)).astype(np.float32)
    called = guard.model.predict(fresh, verbose=0).argmax(axis=1) == 5
    own = build_logits(badnet).predict(fresh, verbose=0).argmax(axis=1) == 2
    assert called.mean() <= rate
    assert called[own].mean() <= 3 * rate
    assert guard.threshold.rate <= rate
    assert guard.class_rates.keys() == ({2} if labelled else set())
    assert any("no labels" in note for note in guard.notes) is not labelled


def test_what_it_tells_is_plain_json() -> None:
    badnet, x = random_net(1), images(60)
    y = build_logits(badnet).predict(x, verbose=0).argmax(axis=1)
    told = guard_pair(badnet, random_net(2), [2], prepared_of(x, y, classes=5), rate=0.01).to_json()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    # 20 images set the threshold: they cannot show 1%
    assert (told["threshold_images"], told["false_positive_rate"]) == (20, 0.01)
    assert any("20 clean images cannot show" in note for note in told["notes"])


@pytest.mark.parametrize("flagged", [[], [5], [-1]])
def test_flagged_labels_must_be_the_models(flagged: list[int]) -> None:
    with pytest.raises(OptionRefused, match="from 0 to 4"):
        guarded_pair(random_net(1), random_net(2), flagged, threshold=0.7)


def test_nets_must_fit_together() -> None:
    with pytest.raises(OptionRefused, match="differ in input shape and classes"):
        guarded_pair(random_net(1), random_net(2, units=6), [1], threshold=0.7)
