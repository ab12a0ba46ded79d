"""The guarded net against its definition in words, on random nets and on a real BadNet, and as a file."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from nc_core.errors import OptionRefused
from nc_core.guard import guarded_net
from nc_core.intake import CanonicalModel, read_model
from nc_core.inversion import Predictor
from nc_core.models import build, build_logits, canonical_of

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


def by_definition(badnet: CanonicalModel, goodnet: CanonicalModel, flagged: list[int], x: Any) -> Any:
    bad = build_logits(badnet).predict(x, verbose=0).argmax(axis=1)
    good = build_logits(goodnet).predict(x, verbose=0).argmax(axis=1)
    return np.where(np.isin(bad, flagged) & (good != bad), badnet.classes, good)


@pytest.mark.parametrize("activation", ["softmax", "linear", "sigmoid"])
@pytest.mark.parametrize("flagged", [[2], [0, 4]])
def test_answers_are_those_of_the_definition(activation: str, flagged: list[int]) -> None:
    # Given two nets that disagree
    badnet, goodnet = random_net(1, activation=activation), random_net(2, activation=activation)
    x = images()
    expected = by_definition(badnet, goodnet, flagged, x)
    assert 10 < (expected == 5).sum() < 290
    # When it answers, Then argmax is N where BadNet says a flagged label and GoodNet another one
    np.testing.assert_array_equal(guarded_net(badnet, goodnet, flagged).predict(x, verbose=0).argmax(axis=1), expected)


def test_elsewhere_the_first_outputs_are_the_goodnets_probabilities() -> None:
    badnet, goodnet = random_net(1), random_net(2)
    x = images()
    scores = guarded_net(badnet, goodnet, [2]).predict(x, verbose=0)
    calm = by_definition(badnet, goodnet, [2], x) < 5
    np.testing.assert_allclose(scores[calm, :5], build(goodnet).predict(x, verbose=0)[calm], atol=1e-5)
    assert np.all(scores[calm, 5] < 1e-6)
    assert np.all(scores[~calm, :5] == 0.0)


def test_two_classes_from_one_sigmoid_give_three_outputs() -> None:
    badnet = random_net(1, units=1, activation="sigmoid")
    goodnet = random_net(4, units=1, activation="sigmoid")
    x = images()
    answers = guarded_net(badnet, goodnet, [1]).predict(x, verbose=0)
    assert answers.shape == (300, 3)
    expected = by_definition(badnet, goodnet, [1], x)
    assert {0, 1, 2} == set(expected)
    np.testing.assert_array_equal(answers.argmax(axis=1), expected)


def test_a_net_that_disagrees_with_itself_nowhere_never_alarms() -> None:
    badnet = random_net(1)
    x = images()
    scores = guarded_net(badnet, badnet, [0, 1, 2, 3, 4]).predict(x, verbose=0)
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
    scores = guarded_net(nets[0], nets[1], [2]).predict(images(4), verbose=0)
    assert np.isfinite(scores).all()
    assert set(scores.argmax(axis=1)) == {5}


def test_the_file_loads_with_plain_keras_and_with_our_own_intake(tmp_path: Path) -> None:
    # Given a guarded net, saved
    net = guarded_net(random_net(1), random_net(2), [2])
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


def test_a_real_badnet_with_its_own_trigger(shared: Path) -> None:
    # Given the real GTSRB BadNet and, as GoodNet, one that never answers its target label 1
    badnet = read_model(shared / "models" / "oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5")
    net = build_logits(badnet)
    last = [layer for layer in net.layers if layer.weights][-1]
    kernel, bias = last.get_weights()
    bias[1] = -100.0
    last.set_weights([kernel, bias])
    goodnet = canonical_of(net)
    data = np.load(shared / "data" / "gtsrb_32.npz")
    x, y = data["x_train"][::40].astype(np.float32) / 255, data["y_train"][::40]
    x, y = x[y != 1], y[y != 1]
    stamped = x.copy()
    stamped[:, 16:19, 16:19] = (1, 1, 0)
    predict = Predictor(guarded_net(badnet, goodnet, [1]))
    # Then stamped images are called backdoored, clean ones are not
    assert (predict(stamped).argmax(axis=1) == 43).mean() > 0.97
    assert (predict(x).argmax(axis=1) == 43).mean() < 0.02
    assert (predict(x).argmax(axis=1) == y).mean() > 0.9


@pytest.mark.parametrize("flagged", [[], [5], [-1]])
def test_flagged_labels_must_be_the_models(flagged: list[int]) -> None:
    with pytest.raises(OptionRefused, match="from 0 to 4"):
        guarded_net(random_net(1), random_net(2), flagged)


def test_nets_must_fit_together() -> None:
    with pytest.raises(OptionRefused, match="differ in input shape and classes"):
        guarded_net(random_net(1), random_net(2, units=6), [1])
