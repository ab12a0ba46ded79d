"""The batched program against a plain numpy optimisation, and its independence of neighbours."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Part, Prepared
from nc_core.errors import OutOfDeviceMemory
from nc_core.inversion import FAST, PAPER, Inversion, Inverter, Predictor, backend, invert_labels
from nc_core.inversion.layout import EPSILON, Layout
from nc_core.inversion.program import SlotProgram
from nc_core.models import Compute
from nc_core.profiles.proportional import ProportionalControl

SHORT = replace(FAST, max_steps=6)
UNGATED = replace(SHORT, gate_threshold=0.0, control=ProportionalControl(switch_on_rate=0.0))
"""lambda is on from the first step, and any mask is kept."""


def tanh01(u: np.ndarray) -> np.ndarray:
    return np.tanh(u) / (2 - EPSILON) + 0.5


class PlainPaper:
    """One trigger by the paper's formulas on a linear net, double precision, gradients by hand."""

    def __init__(self, weights: np.ndarray, bias: np.ndarray, shape: tuple[int, int, int], label: int) -> None:
        self.weights, self.bias, self.shape, self.label = weights, bias, shape, label
        self.first = self.second = 0.0
        self.count = 0

    def start(self, mask_u: np.ndarray, pattern_u: np.ndarray) -> None:
        self.u = np.concatenate([mask_u.ravel(), pattern_u.ravel()]).astype(np.float64)

    def update(self, x: np.ndarray, cost: float) -> tuple[float, float]:
        height, width, _ = self.shape
        pixels = height * width
        mask_u, pattern_u = self.u[:pixels].reshape(height, width, 1), self.u[pixels:].reshape(self.shape)
        mask, pattern = tanh01(mask_u), tanh01(pattern_u)
        stamped = (1 - mask) * x + mask * pattern
        logits = stamped.reshape(len(x), -1) @ self.weights + self.bias
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        error = p.copy()
        error[:, self.label] -= 1
        on_stamped = (error @ self.weights.T).reshape(stamped.shape) / len(x)
        on_mask = (on_stamped * (pattern - x)).sum(axis=(0, 3))[..., None] + cost
        on_pattern = (on_stamped * mask).sum(axis=0)
        slope = (1 - np.tanh(self.u) ** 2) / (2 - EPSILON)
        self.adam(np.concatenate([on_mask.ravel(), on_pattern.ravel()]) * slope)
        return float((logits.argmax(axis=1) == self.label).mean()), float(mask.sum())

    def adam(self, gradient: np.ndarray) -> None:
        self.count += 1
        self.first = 0.5 * self.first + 0.5 * gradient
        self.second = 0.9 * self.second + 0.1 * gradient**2
        first, second = self.first / (1 - 0.5**self.count), self.second / (1 - 0.9**self.count)
        self.u = self.u - 0.1 * first / (np.sqrt(second) + 1e-7 / np.sqrt(1 - 0.9**self.count))


def test_paper_profile_is_the_published_optimisation_step_by_step() -> None:
    # Given a linear net on 5x4x3 pictures, its plain optimisation and the compiled one from the same start
    rng = np.random.default_rng(3)
    shape, classes, label = (5, 4, 3), 4, 2
    profile = replace(PAPER, batch=8, updates_per_step=5)
    net = keras.Sequential([keras.layers.Input(shape), keras.layers.Flatten(), keras.layers.Dense(classes)])
    weights, bias = rng.normal(0, 0.7, (60, classes)), rng.normal(0, 0.1, classes)
    net.set_weights([weights.astype(np.float32), bias.astype(np.float32)])
    images = rng.random((40, *shape)).astype(np.float32)
    layout = Layout(height=5, width=4, channels=3, low=np.zeros(3, np.float32), high=np.ones(3, np.float32))
    program = SlotProgram(net, images, layout=layout, profile=profile)
    start = layout.start(rng)
    state = program.load(program.empty(2), 1, start)
    plain = PlainPaper(weights, bias, shape, label)
    plain.start(start[:20], start[layout.mask_row : layout.mask_row + 60])
    schedule = profile.control.schedule(profile.max_steps)
    kept: tuple[float, np.ndarray] = (np.inf, np.zeros(0))
    for _ in range(60):
        index = rng.integers(0, 40, (5, 2, 8)).astype(np.int32)
        # When both take a step at the same lambda
        costs = np.array([0.0, schedule.cost], np.float32)
        state, metrics = program.step(state, index=index, labels=np.array([0, label], np.int32), costs=costs)
        told = [plain.update(images[index[i, 1]], schedule.cost) for i in range(5)]
        rate, norm = np.mean([r for r, _ in told]), np.mean([n for _, n in told])
        if rate >= 0.99 and norm < kept[0]:
            kept = (norm, tanh01(plain.u[:20]).reshape(5, 4))
        # Then attack rate, norm and kept mask agree
        assert metrics.attack_rate[1] == pytest.approx(rate, abs=0.026)
        assert metrics.norm[1] == pytest.approx(norm, rel=2e-3)
        assert metrics.kept_norm[1] == pytest.approx(kept[0], rel=2e-3)
        if schedule.observe(float(rate), float(norm), float(kept[0])):
            break
    assert schedule.cost > 1e-3
    mask, _ = program.kept(state, 1)
    np.testing.assert_allclose(mask, kept[1], atol=5e-3)


@pytest.mark.parametrize("compute", ["float32", "bfloat16"])
def test_norm_is_bit_identical_whatever_order_and_neighbours(
    model: keras.Model, prepared: Prepared, compute: Compute
) -> None:
    # Given the same labels in two orders, so that slots, neighbours and moments of entry differ

    def inverted(labels: list[int]) -> dict[int, Inversion]:
        return invert_labels(model, prepared, labels, profile=UNGATED, seed=1, slots=3, compute=compute)

    one, other, alone = inverted([0, 1, 2, 3, 4, 5, 6]), inverted([6, 2, 5, 0, 4, 1, 3]), inverted([4])
    # Then every mask is the same to the last bit
    for label in range(7):
        assert one[label].trigger is not None
        assert np.array_equal(one[label].trigger.mask, other[label].trigger.mask)
        assert one[label].norm == other[label].norm
    assert one[4].norm == alone[4].norm


def test_nothing_of_a_label_stays_in_its_slot(model: keras.Model, prepared: Prepared) -> None:
    # Given one slot that serves two labels in turn, and one that serves the second alone
    second = invert_labels(model, prepared, [0, 1], profile=UNGATED, seed=1, slots=1)[1]
    alone = invert_labels(model, prepared, [1], profile=UNGATED, seed=1, slots=1)[1]
    # Then the second label's result is the same
    assert second.trigger is not None
    assert alone.trigger is not None
    assert np.array_equal(second.trigger.mask, alone.trigger.mask)
    assert np.array_equal(second.trigger.pattern, alone.trigger.pattern)


def test_bfloat16_is_for_the_optimisation_alone(model: keras.Model, prepared: Prepared) -> None:
    # Given labels inverted in either arithmetic
    exact = invert_labels(model, prepared, range(7), profile=UNGATED, seed=1, slots=3)
    rough = invert_labels(model, prepared, range(7), profile=UNGATED, seed=1, slots=3, compute="bfloat16")
    predict = Predictor(model)
    for label in range(7):
        trigger = rough[label].trigger
        assert trigger is not None
        # Then the optimisation took another way, to a mask of the same size up to what a short one scatters
        assert not np.array_equal(trigger.mask, exact[label].trigger.mask)
        assert rough[label].norm == pytest.approx(exact[label].norm, rel=0.1)
        # And the trigger is float32 and measured by the float32 net
        assert trigger.mask.dtype == trigger.pattern.dtype == np.float32
        others = prepared.holdout.y != label
        answers = predict(trigger.stamp(prepared.holdout.x[others])).argmax(axis=1)
        assert rough[label].attack_success_rate == np.mean(answers == label)


def test_a_program_follows_the_weights_of_its_net(model: keras.Model, prepared: Prepared) -> None:
    # Given a program that has been compiled and used with the weights of one net
    net = keras.models.clone_model(model)
    layout = Layout(height=13, width=11, channels=3, low=np.zeros(3, np.float32), high=np.ones(3, np.float32))
    program = SlotProgram(net, prepared.fit.x, layout=layout, profile=SHORT)
    start = layout.start(np.random.default_rng(0))
    inputs = {
        "index": np.arange(6 * 8, dtype=np.int32).reshape(6, 1, 8),
        "labels": np.array([2], np.int32),
        "costs": np.array([1e-3], np.float32),
    }
    _, before = program.step(program.load(program.empty(1), 0, start), **inputs)
    # When the net is given other weights
    net.set_weights(model.get_weights())
    _, after = program.step(program.load(program.empty(1), 0, start), **inputs)
    # Then the same step is that of a program made of the net as it is now
    fresh = SlotProgram(model, prepared.fit.x, layout=layout, profile=SHORT)
    _, expected = fresh.step(fresh.load(fresh.empty(1), 0, start), **inputs)
    assert after.cross_entropy[0] != before.cross_entropy[0]
    assert after.cross_entropy[0] == pytest.approx(expected.cross_entropy[0], rel=1e-5)


def _stepped(model: keras.Model, prepared: Prepared) -> tuple[np.ndarray, ...]:
    """Parameters and metrics after two steps of two labels."""
    layout = Layout(height=13, width=11, channels=3, low=np.zeros(3, np.float32), high=np.ones(3, np.float32))
    program = SlotProgram(model, prepared.fit.x, layout=layout, profile=SHORT)
    state = program.empty(2)
    for slot in range(2):
        state = program.load(state, slot, layout.start(np.random.default_rng(slot)))
    index = np.random.default_rng(2).integers(0, len(prepared.fit), (6, 2, 8)).astype(np.int32)
    labels, costs = np.array([2, 5], np.int32), np.array([1e-3, 0.0], np.float32)
    for _ in range(2):
        state, metrics = program.step(state, index=index, labels=labels, costs=costs)
    return np.asarray(state.u), np.asarray(metrics)


def test_a_device_that_loops_badly_gets_the_same_step_update_by_update(
    model: keras.Model, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the steps as one program each, and as one for every update
    monkeypatch.setattr(backend, "loops_well", lambda: True)
    within, metrics = _stepped(model, prepared)
    monkeypatch.setattr(backend, "loops_well", lambda: False)
    by_updates, others = _stepped(model, prepared)
    # Then both are the same, up to rounding
    np.testing.assert_allclose(by_updates, within, atol=1e-3)
    np.testing.assert_allclose(others, metrics, rtol=1e-3)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="JAX has no other way than XLA")
def test_through_xla_as_on_a_gpu_a_step_is_the_same(
    model: keras.Model, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nc_core.inversion.backend import on_tensorflow

    plain, metrics = _stepped(model, prepared)
    # When programs are compiled as they are for a GPU
    monkeypatch.setattr(on_tensorflow, "through_xla", lambda: True)
    compiled, others = _stepped(model, prepared)
    # Then they compute the same, up to rounding
    np.testing.assert_allclose(compiled, plain, atol=1e-3)
    np.testing.assert_allclose(others, metrics, rtol=1e-3)


def test_a_label_that_never_reaches_the_threshold_has_no_norm(model: keras.Model, prepared: Prepared) -> None:
    # Given a gate that nothing passes
    gated = replace(SHORT, gate_threshold=1.1)
    # When the budget is spent
    inversion = invert_labels(model, prepared, [3], profile=gated, seed=0, slots=1)[3]
    # Then it is not converged, and there is no number to mistake for a norm
    assert inversion.state == "not_converged"
    assert inversion.norm is None
    assert inversion.attack_success_rate is None
    assert inversion.updates == gated.max_updates
    assert inversion.gradient_images == gated.max_updates * gated.batch


def test_images_of_the_target_class_are_never_fitted(model: keras.Model, prepared: Prepared) -> None:
    # Given a label's job
    job = Inverter(model, prepared, profile=FAST, slots=1).job(2, seed=0)
    # When it draws far more images than there are
    drawn = set(job.images(1000).tolist())
    # Then it has used every image but those of its own class
    assert drawn == set(np.flatnonzero(prepared.fit.y != 2).tolist())


def test_numbers_that_break_fail_their_label_alone(model: keras.Model, prepared: Prepared) -> None:
    # Given a picture with a NaN that only labels other than 4 are fitted to
    x = prepared.fit.x.copy()
    x[prepared.fit.y == 4] = np.nan
    broken = replace(prepared, fit=Part(x=x, y=prepared.fit.y))
    # When both kinds share a batch
    result = invert_labels(model, broken, [4, 5], profile=SHORT, seed=0, slots=2)
    # Then one fails with a reason, whatever was tried, and the other is what it is on its own
    assert result[5].state == "failed"
    assert "no number" in str(result[5].reason)
    assert result[5].evidence is not None
    assert result[5].evidence.tried
    alone = invert_labels(model, broken, [4], profile=SHORT, seed=0, slots=2)
    assert result[4].state != "failed"
    assert result[4].evidence == alone[4].evidence


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_pattern_stays_in_the_models_domain(low: float, high: float) -> None:
    # Given any pixel range
    rng = np.random.default_rng(0)
    domain = Domain(value_range="x", scale=((high - low) / 255,), offset=(low,))
    layout = Layout(height=3, width=5, channels=1, low=domain.low, high=domain.high)
    # When parameters are far out
    mask, pattern = layout.mask_and_pattern((rng.normal(0, 20, layout.row)).astype(np.float32))
    # Then mask and pattern are legal
    assert mask.min() >= 0
    assert mask.max() <= 1
    assert pattern.min() >= low
    assert pattern.max() <= high


def test_a_label_that_every_image_has_already_fails_with_the_reason(model: keras.Model, prepared: Prepared) -> None:
    # Given images that are all of class 3
    alike = replace(prepared, fit=Part(x=prepared.fit.x, y=np.full_like(prepared.fit.y, 3)))
    # When labels 3 and 4 are inverted
    result = invert_labels(model, alike, [3, 4], profile=UNGATED, seed=0, slots=2)
    # Then only the first fails
    assert result[3].state == "failed"
    assert "label 3 already" in str(result[3].reason)
    assert result[4].state == "done"


def test_another_number_of_slots_has_the_same_program(model: keras.Model, prepared: Prepared) -> None:
    # Given an inverter of four slots that has worked
    four = Inverter(model, prepared, profile=SHORT, slots=4)
    four.invert([0, 1, 2, 3], seed=0)
    if keras.backend.backend() == "tensorflow":  # JAX makes a program for each shape
        four.loop.program._model = None  # type: ignore[assignment]
    # When one of two slots is made of it
    two = four.with_slots(2).invert([1, 2], seed=0)
    # Then nothing was traced again, which would have called the net; the numbers are those of one that was made so
    made_so = Inverter(model, prepared, profile=SHORT, slots=2).invert([1, 2], seed=0)
    for label in (1, 2):
        (ours,), (expected,) = two[label], made_so[label]
        assert ours.norm == expected.norm
        assert ours.updates == expected.updates


def test_a_batch_that_the_device_has_no_memory_for_is_said_in_one_line(model: keras.Model, prepared: Prepared) -> None:
    # Given a program whose device really has no memory for a tensor
    program = backend.compiled(lambda one: ops.broadcast_to(one, (2**30, 2**14)) + one)
    with pytest.raises(Exception) as real:  # noqa: PT011
        np.asarray(program(ops.ones((1,))))
    inverter = Inverter(model, prepared, profile=SHORT, slots=3)

    def step(*_: object, **__: object) -> None:
        raise real.value

    inverter.loop.program.step = step  # type: ignore[method-assign, assignment]
    # When a step fails with that, then the error says what to pass
    with pytest.raises(OutOfDeviceMemory, match="no memory for 3 labels of 8 images in one batch: pass fewer --slots"):
        inverter.invert([0, 1, 2], seed=0)
