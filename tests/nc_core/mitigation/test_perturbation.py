"""Perturbations that send all images to a label are found, and then unlearned."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from nc_core.datasets.prepared import Prepared
from nc_core.errors import Cancelled
from nc_core.inversion import Predictor, Trigger
from nc_core.mitigation import Case, TargetTrigger
from nc_core.mitigation.loop import Bench
from nc_core.mitigation.perturbation import RMS, Perturbations, unlearn_perturbations
from nc_core.models import build_logits, canonical_of
from tests.nc_core.mitigation.conftest import dense_badnet

LENGTH = RMS * 8


@pytest.fixture
def bench(case: Callable[..., Case], clean: Prepared) -> Bench:
    """A net that answers 2 where the corner is white."""
    return Bench(case(canonical=dense_badnet(), prepared=clean))


def found_on(bench: Bench, clean: Prepared, steps: int) -> Perturbations:
    found = Perturbations(bench.model, clean.domain, [2], shape=(8, 8, 1))
    generator = np.random.default_rng(0)
    found.begin(generator)
    for _ in range(steps):
        rows = generator.integers(len(clean.fit), size=32)
        found.improve(clean.fit.x[rows], clean.fit.y[rows])
    return found


def rate(bench: Bench, clean: Prepared, found: Perturbations) -> float:
    """Share of held-out images of other classes that the best of the perturbations sends to 2."""
    x = clean.holdout.x[clean.holdout.y != 2]
    predict = Predictor(bench.model)
    return max(
        float((predict(found.stamp(x, np.full(len(x), which, np.int32))).argmax(axis=1) == 2).mean())
        for which in range(len(found.delta))
    )


def test_they_stay_within_their_length_and_the_range(bench: Bench, clean: Prepared) -> None:
    found = found_on(bench, clean, 15)
    assert np.linalg.norm(found.delta.reshape(len(found.delta), -1), axis=1) == pytest.approx(LENGTH, rel=1e-4)
    stamped = found.stamp(clean.fit.x[:6], np.arange(6, dtype=np.int32))
    assert stamped.min() >= 0.0
    assert stamped.max() <= 1.0
    assert stamped.dtype == np.float32


def test_one_that_does_what_the_trigger_does_is_found(case: Callable[..., Case], clean: Prepared) -> None:
    # Given a linear net that answers 2 the sooner the brighter the corner is
    net = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(4)])
    quarters = 0.3 * np.kron(np.eye(4).reshape(2, 2, 4), np.ones((4, 4, 1)))
    quarters[0, 0, 2] = 60.0
    net.set_weights([quarters.reshape(64, 4).astype(np.float32), np.array([0, 0, -50, 0], np.float32)])
    bench = Bench(case(canonical=canonical_of(net), prepared=clean))
    # When perturbations towards 2 are looked for
    assert rate(bench, clean, found_on(bench, clean, 0)) < 0.1
    found = found_on(bench, clean, 40)
    # Then one of them sends most images there, and its largest change is in that corner
    assert rate(bench, clean, found) > 0.6
    best = found.delta[np.abs(found.delta[:, 0, 0, 0]).argmax(), :, :, 0]
    assert np.unravel_index(np.abs(best).argmax(), best.shape) == (0, 0)


def test_images_of_the_label_itself_do_not_count(bench: Bench, clean: Prepared) -> None:
    found = Perturbations(bench.model, clean.domain, [2], shape=(8, 8, 1))
    found.begin(np.random.default_rng(0))
    before = found.delta.copy()
    own = clean.fit.y == 2
    found.improve(clean.fit.x[own], clean.fit.y[own])
    np.testing.assert_allclose(found.delta, before, atol=1e-6)


def test_a_net_that_unlearns_them_keeps_its_accuracy_and_changes(
    bench: Bench, clean: Prepared, corner: Trigger
) -> None:
    # Given what the net scores for images with its trigger
    predict, known = Predictor(bench.model), [TargetTrigger(2, corner)]
    stamped = corner.stamp(clean.holdout.x[clean.holdout.y != 2])
    before = predict(stamped)[:, 2].mean()
    shares: list[float] = []
    # When perturbations towards its label are unlearned
    unlearn_perturbations(bench, known, seed=0, progress=shares.append, should_stop=None)
    # Then the label scores less on them, and clean images are answered as before
    assert predict(stamped)[:, 2].mean() < before
    assert (predict(clean.holdout.x).argmax(axis=1) == clean.holdout.y).mean() > 0.98
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_same_seed_gives_the_same_net(case: Callable[..., Case], clean: Prepared, corner: Trigger) -> None:
    nets = []
    for _ in range(2):
        bench = Bench(case(canonical=dense_badnet(), prepared=clean))
        known = [TargetTrigger(2, corner)]
        unlearn_perturbations(bench, known, seed=5, progress=lambda _: None, should_stop=None)
        nets.append(bench.model.get_weights())
    for one, other in zip(*nets, strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_can_be_stopped(bench: Bench, corner: Trigger) -> None:
    known = [TargetTrigger(2, corner)]
    with pytest.raises(Cancelled):
        unlearn_perturbations(bench, known, seed=0, progress=lambda _: None, should_stop=lambda: True)


def test_a_net_of_another_range_is_given_its_own(case: Callable[..., Case], clean: Prepared) -> None:
    # Given a domain of -1..1
    bench = Bench(case(canonical=dense_badnet(), prepared=clean))
    domain = clean.domain.__class__(value_range="-1..1", scale=(2 / 255,), offset=(-1.0,))
    found = Perturbations(build_logits(bench.case.canonical), domain, [2], shape=(8, 8, 1))
    found.begin(np.random.default_rng(0))
    stamped = found.stamp(np.full((6, 8, 8, 1), -1.0, np.float32), np.arange(6, dtype=np.int32))
    assert stamped.min() >= -1.0
    np.testing.assert_allclose(np.maximum(found.delta, 0.0) * 2.0, stamped - np.float32(-1.0), atol=1e-6)
