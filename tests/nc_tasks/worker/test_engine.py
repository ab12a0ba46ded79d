"""The slot engine: threads that share one program get what each would get alone."""

import threading
import weakref
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Part, Prepared
from nc_core.errors import Cancelled
from nc_core.inversion import FAST, Inversion, Inverter, invert_labels
from nc_core.inversion.partial import partial_triggers
from nc_core.inversion.transfer import transferabilities
from nc_core.inversion.trigger import Partial, Perturbation, Transferability
from nc_tasks.worker import engine as engines
from nc_tasks.worker import inputs, kept
from nc_tasks.worker.engine import SlotEngine

SHORT = replace(FAST, max_steps=5, gate_threshold=0.0)


@pytest.fixture(scope="module")
def material() -> tuple[keras.Model, Prepared]:
    rng = np.random.default_rng(2)
    domain = Domain(value_range="0..1", scale=(1 / 255,), offset=(0.0,))

    def part(count: int) -> Part:
        x = rng.random((count, 9, 7, 1)).astype(np.float32)
        return Part(x=x, y=rng.integers(0, 11, count).astype(np.int32))

    prepared = Prepared(fit=part(50), holdout=part(30), repair=part(30), labelled=True, domain=domain, classes=11)
    layers = keras.layers
    net = keras.Sequential([layers.Input((9, 7, 1)), layers.Flatten(), layers.Dense(11)])
    net.set_weights([rng.normal(0, 0.5, weight.shape).astype(np.float32) for weight in net.get_weights()])
    return net, prepared


def tiled(part: Part) -> Part:
    """Enough images for everything that is asked of them."""
    return replace(part, x=np.tile(part.x, (3, 1, 1, 1)), y=np.tile(part.y, 3))


def engine(material: tuple[keras.Model, Prepared], slots: int) -> SlotEngine:
    return SlotEngine(Inverter(*material, profile=SHORT, slots=slots))


def invert(on: SlotEngine, label: int, **more: Any) -> Any:
    (found,) = on.invert(
        label,
        seed=3,
        starts=(0,),
        report=more.get("report", lambda _: None),
        should_stop=more.get("should_stop", lambda: False),
    )
    return found


def test_eleven_tasks_on_three_slots_get_the_norms_of_the_plain_loop(
    material: tuple[keras.Model, Prepared],
) -> None:
    # Given eleven label tasks at once, in an order of their own
    shared = engine(material, 3)
    with ThreadPoolExecutor(11) as pool:
        inversions = list(pool.map(lambda label: invert(shared, label), reversed(range(11))))
    # When the same labels are inverted without threads, with as many slots
    plain = invert_labels(*material, range(11), profile=SHORT, seed=3, slots=3)
    # Then the norms are the same to the last bit, and the engine is idle again
    assert {i.label: i.norm for i in inversions} == {label: i.norm for label, i in plain.items()}
    assert shared.idle


def test_tasks_that_ask_for_universality_at_once_get_what_the_plain_loop_gets(
    material: tuple[keras.Model, Prepared],
) -> None:
    # Given eleven label tasks whose labels are inverted
    shared = engine((material[0], replace(material[1], fit=tiled(material[1].fit))), 8)
    inverted = list(shared.inverter.invert(range(11), seed=3).values())

    def ask(one: Inversion) -> Transferability | None:
        return shared.transferability(one, seed=3, again=False, should_stop=lambda: False)

    # When all ask whether triggers of a few images work on others
    with ThreadPoolExecutor(11) as pool:
        found = list(pool.map(ask, [one for (one,) in inverted]))
    # Then each gets what it would get without threads, and may still be told to stop
    assert found == list(shared.inverter.transferability([one for (one,) in inverted], seed=3).values())
    assert all(one is not None for one in found)
    with pytest.raises(Cancelled, match="label 4 was cancelled"):
        shared.transferability(inverted[4][0], seed=3, again=False, should_stop=lambda: True)
    assert shared.idle


def test_tasks_that_look_for_perturbations_at_once_get_what_the_plain_loop_gets(
    material: tuple[keras.Model, Prepared],
) -> None:
    # Given eleven label tasks whose labels are inverted
    shared = engine((material[0], replace(material[1], fit=tiled(material[1].fit))), 8)
    inverted = [one for (one,) in shared.inverter.invert(range(11), seed=3).values()]

    def ask(one: Inversion) -> Perturbation | None:
        return shared.perturbation(one, seed=3, again=False, should_stop=lambda: False)

    # When all look for the smallest perturbation
    with ThreadPoolExecutor(11) as pool:
        found = list(pool.map(ask, inverted))
    # Then each gets what it would get without threads, and may still be told to stop
    assert found == list(shared.inverter.perturbations(inverted, seed=3).values())
    assert all(one is not None for one in found)
    with pytest.raises(Cancelled, match="label 4 was cancelled"):
        shared.perturbation(inverted[4], seed=3, again=False, should_stop=lambda: True)
    assert shared.idle
    # And how sure the net can be made of a label is asked in the task's own thread
    assert shared.margin(inverted[4], seed=3, should_stop=lambda: False) == shared.inverter.margin(inverted[4], seed=3)


def test_tasks_that_grow_triggers_of_few_images_at_once_get_what_the_plain_loop_gets(
    material: tuple[keras.Model, Prepared],
) -> None:
    # Given eleven label tasks, each with a trigger of a few images
    shared = engine((material[0], replace(material[1], fit=tiled(material[1].fit))), 8)
    carried = transferabilities(shared.inverter.transfer, range(11), seed=3)
    few = {label: one.best for label, one in carried.items() if one is not None and one.best is not None}
    assert len(few) > 1

    def ask(label: int) -> Partial:
        return shared.partial(label, few[label], seed=3, again=False, should_stop=lambda: False)

    # When all grow theirs to most images
    with ThreadPoolExecutor(11) as pool:
        found = dict(zip(few, pool.map(ask, few), strict=True))
    # Then each gets what it would get without threads, and may still be told to stop
    assert found == partial_triggers(shared.inverter.partials, few, seed=3)
    first = next(iter(few))
    with pytest.raises(Cancelled, match=f"label {first} was cancelled"):
        shared.partial(first, few[first], seed=3, again=False, should_stop=lambda: True)
    assert shared.idle


def test_a_cancelled_label_stops_and_its_neighbour_does_not(material: tuple[keras.Model, Prepared]) -> None:
    # Given two labels, one of which is told to stop after its first report
    shared, told = engine(material, 2), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        stopped = pool.submit(invert, shared, 0, report=lambda _: told.set(), should_stop=told.is_set)
        other = pool.submit(invert, shared, 1)
        # Then it raises, and the other one ends as if alone
        with pytest.raises(Cancelled, match="label 0 was cancelled"):
            stopped.result()
        norm = other.result().norm
    assert norm == invert_labels(*material, [1], profile=SHORT, seed=3, slots=2)[1].norm


def test_a_step_that_raises_fails_who_was_in_it_and_leaves_a_working_engine(
    material: tuple[keras.Model, Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a device that runs out of memory in one step
    inverter = Inverter(*material, profile=SHORT, slots=2)
    shared, step = SlotEngine(inverter), inverter.loop.step

    def failing() -> Any:
        monkeypatch.setattr(inverter.loop, "step", step)
        raise MemoryError("device is full")

    monkeypatch.setattr(inverter.loop, "step", failing)
    # When a label is in it, then its task gets the error
    with pytest.raises(MemoryError, match="device is full"):
        invert(shared, 4)
    # And the next label is served as if nothing had been
    assert invert(shared, 5).norm == invert_labels(*material, [5], profile=SHORT, seed=3, slots=2)[5].norm


def test_what_is_kept_is_dropped_but_for_an_engine_that_a_label_is_in(
    material: tuple[keras.Model, Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an engine at rest, one with a label in it, and a net with its images
    resting, at_work = engine(material, 2), engine(material, 3)
    monkeypatch.setattr(engines, "_engines", OrderedDict({("resting",): resting, ("at work",): at_work}))
    monkeypatch.setattr(inputs, "_kept", OrderedDict({("net",): object()}))
    gone = weakref.ref(resting.inverter)
    del resting
    entered, may_end = threading.Event(), threading.Event()

    def should_stop() -> bool:
        entered.set()
        return may_end.wait(60)

    with ThreadPoolExecutor(1) as pool:
        label = pool.submit(invert, at_work, 1, should_stop=should_stop)
        assert entered.wait(60)
        # When everything is dropped
        kept.drop()
        # Then what no label is in is gone from memory, and the other goes on
        assert gone() is None
        assert list(engines._engines.values()) == [at_work]
        assert not inputs._kept
        may_end.set()
        with pytest.raises(Cancelled):
            label.result()
    kept.drop()
    assert not engines._engines
