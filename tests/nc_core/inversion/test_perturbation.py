"""The batched search for universal perturbations against a plain numpy one, and its independence of neighbours."""

import keras
import numpy as np
import pytest

from nc_core.errors import OutOfDeviceMemory
from nc_core.inversion import backend
from nc_core.inversion.layout import Layout
from nc_core.inversion.loop import Job
from nc_core.inversion.perturbation import (
    GROWS,
    LAST_STEP,
    MOMENTUM,
    RATE,
    SHRINKS,
    START,
    STEP,
    PerturbationLoop,
    PerturbationProgram,
)
from nc_core.profiles import PERTURBATION_BATCH, PERTURBATION_UPDATES

SHAPE, CLASSES, FACTOR = (5, 4, 3), 4, 1.7
LOW, HIGH = np.array([-1.0, 0.0, 0.0], np.float32), np.array([1.0, 1.0, 2.0], np.float32)
LAYOUT = Layout(height=5, width=4, channels=3, low=LOW, high=HIGH)


@pytest.fixture(scope="module")
def net() -> keras.Model:
    rng = np.random.default_rng(3)
    made = keras.Sequential([keras.layers.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    made.set_weights([rng.normal(0, 0.4, (60, CLASSES)).astype(np.float32), np.zeros(CLASSES, np.float32)])
    return made


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return (LOW + (HIGH - LOW) * np.random.default_rng(4).random((40, *SHAPE))).astype(np.float32)


def job(label: int, **more: object) -> Job:
    return Job(label=label, pool=np.arange(40), generator=np.random.default_rng(label), **more)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def plain(net: keras.Model, images: np.ndarray, label: int) -> tuple[np.ndarray, list[float]]:
    """The perturbation by its formulas on a linear net, in double precision, and the rates on the way."""
    weights = net.get_weights()[0].astype(np.float64)
    order, span = job(label), (HIGH - LOW).astype(np.float64)
    delta, way, radius, rates = np.zeros(SHAPE), np.zeros(SHAPE), START * np.sqrt(60), list[float]()
    for count in range(PERTURBATION_UPDATES):
        x = images[order.images(PERTURBATION_BATCH)].astype(np.float64)
        moved = x + span * delta
        inside = (moved >= LOW) & (moved <= HIGH)
        logits = np.clip(moved, LOW, HIGH).reshape(len(x), -1) @ weights * FACTOR
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[:, label] -= 1
        gradient = ((FACTOR * p @ weights.T).reshape(x.shape) * inside * span).mean(axis=0)
        rates.append(float((logits.argmax(axis=1) == label).mean()))
        if count > 0:
            radius = radius / SHRINKS if rates[-1] >= RATE else radius * GROWS
        way = MOMENTUM * way - unit(gradient)
        step = STEP * (1 - (1 - LAST_STEP) * count / (PERTURBATION_UPDATES - 1))
        delta = radius * unit(delta + step * radius * unit(way))
    return delta * span, rates


def test_it_is_the_plain_search_update_by_update(net: keras.Model, images: np.ndarray) -> None:
    # Given the plain searches for two labels
    wanted = {label: plain(net, images, label) for label in (1, 2)}
    assert all(rates[0] < RATE <= max(rates) for _, rates in wanted.values())
    # When both are searched for in one batch, the other way round
    program = PerturbationProgram(net, images, layout=LAYOUT, factor=FACTOR)
    loop = PerturbationLoop(program, 2)
    for label in (2, 1):
        loop.admit(job(label))
    ended = [over for _ in range(PERTURBATION_UPDATES) for over in loop.step()]
    # Then each is the same, its norm counts ranges, and the slots are free again
    assert {one.job.label for one in ended} == {1, 2}
    for one in ended:
        delta, _ = wanted[one.job.label]
        np.testing.assert_allclose(one.delta, delta, rtol=2e-4, atol=2e-5)
        assert program.norm(one.delta) == pytest.approx(np.linalg.norm(delta / (HIGH - LOW)), rel=1e-4)
        assert (one.updates, one.cancelled) == (PERTURBATION_UPDATES, False)
    assert (loop.free, loop.busy) == (2, 0)


def test_neither_neighbours_nor_what_a_slot_held_before_change_it(net: keras.Model, images: np.ndarray) -> None:
    program = PerturbationProgram(net, images, layout=LAYOUT)
    loop, alone = PerturbationLoop(program, 3), PerturbationLoop(program, 3)
    loop.admit(job(0))
    for _ in range(5):
        loop.step()
    for label in (3, 1):
        loop.admit(job(label))
    first = next(over for _ in range(99) for over in loop.step() if over.job.label == 0)
    assert first.updates == PERTURBATION_UPDATES
    loop.admit(job(2))
    beside = next(over for _ in range(99) for over in loop.step() if over.job.label == 2)
    alone.admit(job(2))
    by_itself = next(over for _ in range(99) for over in alone.step())
    assert (beside.delta == by_itself.delta).all()


def test_one_that_is_told_to_stop_leaves_at_once(net: keras.Model, images: np.ndarray) -> None:
    loop = PerturbationLoop(PerturbationProgram(net, images, layout=LAYOUT), 2)
    loop.admit(job(0, should_stop=lambda: True))
    loop.admit(job(1))
    (stopped,) = loop.step()
    assert (stopped.job.label, stopped.cancelled, stopped.updates) == (0, True, 1)
    loop.clear()
    assert loop.free == 2


def test_an_image_without_a_number_has_no_say(images: np.ndarray) -> None:
    class Hole(keras.layers.Layer):
        def call(self, x: object) -> object:
            return keras.ops.log(x - 0.5)

    picture = keras.layers.Input(SHAPE)
    broken = keras.Model(picture, keras.layers.Dense(CLASSES)(keras.layers.Flatten()(Hole()(picture))))
    loop = PerturbationLoop(PerturbationProgram(broken, images, layout=LAYOUT), 1)
    loop.admit(job(0))
    (ended,) = [over for _ in range(PERTURBATION_UPDATES) for over in loop.step()]
    assert np.isfinite(ended.delta).all()


def test_a_device_without_memory_is_said_in_one_line(
    net: keras.Model, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = PerturbationLoop(PerturbationProgram(net, images, layout=LAYOUT), 2)
    loop.admit(job(0))

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(loop.program, "update", full)
    assert backend.out_of_memory(MemoryError())
    with pytest.raises(OutOfDeviceMemory, match="no memory for 2 labels of 16 images"):
        loop.step()
