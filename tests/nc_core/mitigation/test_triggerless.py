"""Rounds that look at no trigger: their gradients are what the papers' equations say, and what they do to a net."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from keras import ops

from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Prepared
from nc_core.errors import Cancelled
from nc_core.mitigation import Case
from nc_core.mitigation.loop import Bench, Patch
from tests.benchmarks.triggerless.feature_shift import FeatureShift, Shift
from tests.benchmarks.triggerless.minimax import AdversarialUnlearning, Minimax, programs_of
from tests.benchmarks.triggerless.sharpness import FlatTuning, Sharpness, sharp_gradient
from tests.benchmarks.triggerless.weights import loss_of
from tests.nc_core.mitigation.conftest import dense_badnet

Array = npt.NDArray[np.float32]
STEADY = Minimax(iterations=200, rate=0.5, decay=0.5, batch=8)
"""A strictly convex inner problem, so that the perturbation is a smooth function of the weights."""
UNIT = Domain(value_range="0..1", scale=(1 / 255,), offset=(0.0,))


@pytest.fixture
def smooth() -> tuple[keras.Model, Array, npt.NDArray[np.int32], Array]:
    """A net without kinks; images (8, 3, 3, 1), so far from the ends of the range that none is cut off; their labels
    and targets."""
    random = np.random.default_rng(5)
    net = keras.Sequential(
        [keras.Input((3, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(5, "tanh"), keras.layers.Dense(3)]
    )
    net.set_weights([random.normal(0.0, 0.7, one.shape) for one in net.get_weights()])
    y = random.integers(3, size=8).astype(np.int32)
    return net, random.uniform(0.4, 0.6, (8, 3, 3, 1)).astype(np.float32), y, np.eye(3, dtype=np.float32)[y]


def settled(ascent: Callable[..., Any], x: Array, y: npt.NDArray[np.int32]) -> Array:
    """The perturbation that a step leaves where it is."""
    delta = np.zeros((3, 3, 1), np.float32)
    for _ in range(200):
        delta = delta - STEADY.rate * ops.convert_to_numpy(ascent(*map(ops.convert_to_tensor, (delta, x, y))))
    return delta


def test_the_hypergradient_is_that_of_the_loss_at_the_perturbation_that_answers_the_weights(
    smooth: tuple[keras.Model, Array, npt.NDArray[np.int32], Array],
) -> None:
    # Given the gradient of the weights at the settled perturbation
    net, x, y, target = smooth
    programs = programs_of(net, UNIT, loss_of(logits=False), STEADY)
    delta = settled(programs.ascent, x, y)
    found = programs.descent(*map(ops.convert_to_tensor, (delta, x, y, target)))
    told = np.concatenate([ops.convert_to_numpy(one).ravel() for one in found])
    before, random = net.get_weights(), np.random.default_rng(6)

    def loss_at(shift: float, ways: list[Array]) -> float:
        net.set_weights([one + shift * way for one, way in zip(before, ways, strict=True)])
        seen = x.copy()
        seen[:4] += settled(programs.ascent, x, y)
        return float(ops.convert_to_numpy(loss_of(logits=False)(target, net(seen))))

    # When the weights are moved along a line, and the perturbation settles anew at both ends
    for _ in range(3):
        ways = [random.normal(size=one.shape).astype(np.float32) for one in before]
        slope = (loss_at(0.01, ways) - loss_at(-0.01, ways)) / 0.02
        # Then the loss changes by what the gradient says
        assert told @ np.concatenate([way.ravel() for way in ways]) == pytest.approx(slope, rel=0.03, abs=2e-3)


def test_the_sharp_gradient_is_that_at_the_weights_moved_uphill_in_units_of_themselves() -> None:
    # Given softmax regression, whose gradient is known by hand
    random = np.random.default_rng(0)
    net = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    before = [random.normal(size=one.shape).astype(np.float32) for one in net.get_weights()]
    net.set_weights(before)
    x, target = random.random((6, 2, 2, 1), np.float32), np.eye(3, dtype=np.float32)[random.integers(3, size=6)]

    def gradient(weights: list[Array]) -> list[Array]:
        kernel, bias = weights
        powers = np.exp(x.reshape(6, 4) @ kernel + bias)
        wrong = (powers / powers.sum(axis=1, keepdims=True) - target) / 6
        return [x.reshape(6, 4).T @ wrong, wrong.sum(axis=0)]

    # When it is taken at T^2 g / |T g| from the weights, T = diag(|w|), times a radius
    scaled = [np.abs(weight) * one for weight, one in zip(before, gradient(before), strict=True)]
    length = np.sqrt(sum((one**2).sum() for one in scaled))
    moved = [w + 0.7 * np.abs(w) * one / length for w, one in zip(before, scaled, strict=True)]
    sharp = sharp_gradient(net, loss_of(logits=False), radius=0.7)
    found = sharp(ops.convert_to_tensor(x), ops.convert_to_tensor(target))
    # Then both agree
    for one, expected in zip(found, gradient(moved), strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(one), expected, atol=1e-5)


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param(FlatTuning(Sharpness(updates=20)), id="ft-sam"),
        pytest.param(FeatureShift(Shift()), id="fst"),
        pytest.param(AdversarialUnlearning(Minimax(rounds=2, updates=5)), id="i-bau"),
    ],
)
def test_a_round_moves_the_net_as_its_seed_says_and_can_be_stopped(
    case: Callable[..., Case], clean: Prepared, patch: Patch
) -> None:
    given, nets, shares = case(canonical=dense_badnet(), prepared=clean), [], list[float]()
    for _ in range(2):
        bench = Bench(given)
        before = bench.model.get_weights()
        assert patch(bench, (), seed=5, progress=shares.append, should_stop=None)
        nets.append(bench.model.get_weights())
        assert any(not np.array_equal(old, new) for old, new in zip(before, nets[-1], strict=True))
    for one, other in zip(*nets, strict=True):
        np.testing.assert_array_equal(one, other)
    assert shares[-1] == 1.0
    with pytest.raises(Cancelled):
        patch(Bench(given), (), seed=5, progress=shares.append, should_stop=lambda: True)


def test_the_new_head_has_the_norm_of_the_old_one_and_points_away_from_it(
    case: Callable[..., Case], clean: Prepared
) -> None:
    # Given a net and a penalty that outweighs what the images teach
    bench = Bench(case(canonical=dense_badnet(), prepared=clean))
    head = bench.model.layers[-1]
    before = head.get_weights()[0]
    # When its features are shifted
    FeatureShift(Shift(penalty=10.0))(bench, (), seed=0, progress=lambda _: None, should_stop=None)
    # Then the head is as long as before, and lies against what it was
    after = head.get_weights()[0]
    assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before), rel=1e-4)
    assert (after * before).sum() < 0.0
    # And no later training is penalised
    assert not head.losses
