"""Pruning on nets whose backdoor sits, by construction, in one known unit."""

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest

from nc_core.choice import DEAD
from nc_core.datasets.prepared import Prepared
from nc_core.errors import Cancelled, NothingToRepair, OptionRefused
from nc_core.intake import CanonicalModel
from nc_core.inversion import Predictor, Trigger
from nc_core.mitigation import METHODS, Case, fine_pruning
from nc_core.mitigation.activations import Activations
from nc_core.mitigation.control import DRAWS
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench
from nc_core.mitigation.neuron_pruning import Pruning
from nc_core.mitigation.units import Silencer, Site, last_convolution, penultimate
from nc_core.models import build, build_logits, canonical_of
from tests.nc_core.mitigation.conftest import dense_badnet

layers = keras.layers
MakeCase = Callable[..., Case]


def conv_badnet() -> CanonicalModel:
    """Channel 1 wakes at a white pixel and means class 2; channel 2, of the smallest weights, is all that is read."""
    image = keras.Input((8, 8, 1))
    maps = layers.Conv2D(3, 1, activation="relu", name="last")(image)
    net = keras.Model(image, layers.Dense(4, name="scores")(layers.Flatten()(maps)))
    net.get_layer("last").set_weights(
        [np.array([1.0, 100.0, 0.01], np.float32).reshape(1, 1, 1, 3), np.array([0, -95.0, 0], np.float32)]
    )
    scores = np.zeros((8, 8, 3, 4), np.float32)
    for label in range(4):
        row, column = divmod(label, 2)
        scores[row * 4 : row * 4 + 4, column * 4 : column * 4 + 4, 2, label] = 100.0
    scores[:, :, 1, 2] = 100.0
    net.get_layer("scores").set_weights([scores.reshape(192, 4), np.zeros(4, np.float32)])
    return canonical_of(net)


@pytest.mark.parametrize("make", [dense_badnet, conv_badnet])
def test_neuron_pruning_removes_what_the_trigger_wakes_and_no_more(
    make: Callable[[], CanonicalModel],
    case: MakeCase,
    clean: Prepared,
    corner: Trigger,
    looks: Callable[..., list[int]],
) -> None:
    # Given a net that is right on all clean images, and a trigger that always works
    badnet = make()
    looks([])
    given = case(canonical=badnet, prepared=clean, triggers={2: corner}, max_accuracy_loss=0.02)
    # When it is pruned
    repair = METHODS["neuron-pruning"](given)
    # Then the trigger is dead, stamped images get their true label, and clean accuracy is what it was
    assert repair.reversed_attack_success_rate_before == {2: 1.0}
    assert repair.reversed_attack_success_rate_after[2] <= DEAD
    assert (repair.recovery_accuracy_before[2], repair.recovery_accuracy_after[2]) == (0.0, 1.0)
    assert repair.accuracy_after == repair.accuracy_before == 1.0
    # And nothing but that unit has changed: the net has its architecture, one row of weights is 0
    assert repair.goodnet.layers == badnet.layers
    if make is dense_badnet:
        kernel = next(key for key in badnet.weights if badnet.weights[key].shape == (5, 4))
        np.testing.assert_array_equal(repair.goodnet.weights[kernel][:4], badnet.weights[kernel][:4])
        assert not repair.goodnet.weights[kernel][4].any()
    assert sum(change.changed for change in repair.changed) <= 4


def test_a_pruning_is_held_against_as_many_units_drawn_at_random(
    case: MakeCase, clean: Prepared, corner: Trigger, looks: Callable[..., list[int]]
) -> None:
    looks([])
    # Given a net of five units, one of which carries the backdoor and four of which tell the classes apart
    given = case(canonical=dense_badnet(), prepared=clean, triggers={2: corner}, max_accuracy_loss=0.02)
    repair = METHODS["neuron-pruning"](given)
    # Then one unit was pruned; another in its place costs the images of a class and leaves the trigger as it is
    assert repair.control is not None
    assert (repair.control.draws, repair.control.units) == (DRAWS, 1)
    right = 1 - repair.control.attack_success_rate
    assert right == pytest.approx(round(right * DRAWS) / DRAWS, abs=0.01)
    assert repair.control.accuracy == pytest.approx(right + 0.75 * (1 - right), abs=0.05)
    assert repair.control.accuracy < repair.accuracy_after
    assert repair.to_json()["control"] == repair.control.to_json()
    assert "as many units (1) drawn at random, 5 times, leave an attack success rate of" in repair.notes[-1]


def test_the_control_of_fine_pruning_is_fine_tuned_as_well(
    case: MakeCase, clean: Prepared, corner: Trigger, looks: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks([])
    tuned = []
    plain = fine_pruning.fine_tune
    monkeypatch.setattr(fine_pruning, "fine_tune", lambda *given, **how: tuned.append(plain(*given, **how)))
    given = case(canonical=conv_badnet(), prepared=clean, triggers={2: corner}, max_accuracy_loss=0.1)
    repair = METHODS["fine-pruning"](given)
    assert repair.control is not None
    assert repair.control.draws == repair.rounds == 1
    assert len(tuned) == 2


def test_neuron_pruning_hands_out_no_net_that_it_has_not_changed(case: MakeCase, clean: Prepared) -> None:
    # Given a trigger of four pixels in the corner that wakes the unit of class 0, which clean images need
    mask = np.zeros((8, 8), np.float32)
    mask[:4, :4] = 1.0
    bright = Trigger(mask=mask, pattern=np.full((8, 8, 1), 0.94, np.float32))
    given = case(canonical=dense_badnet(), prepared=clean, triggers={0: bright}, max_accuracy_loss=0.02)
    # Then that unit stays, although the trigger is alive, and the method has failed
    with pytest.raises(NothingToRepair, match="neuron-pruning finds nothing in this net that it may change within"):
        METHODS["neuron-pruning"](given)


def test_another_round_of_neuron_pruning_goes_on_where_the_one_before_stopped(
    case: MakeCase, clean: Prepared, corner: Trigger
) -> None:
    # Given a net of which one unit answers to the trigger
    bench = Bench(case(canonical=dense_badnet(), prepared=clean, triggers={2: corner}, max_accuracy_loss=0.02))
    site = penultimate(bench.case.canonical)
    assert site is not None
    patch = Pruning([site])
    how = {"seed": 0, "progress": lambda _: None, "should_stop": None}
    # When it is silent, then another round has nothing to do, whatever trigger wakes the unit itself
    assert patch(bench, [TargetTrigger(2, corner)], **how)
    for target in (0, 1):
        assert not patch(bench, [TargetTrigger(target, corner)], **how)


def test_fine_pruning_fine_tunes_also_a_net_of_which_nothing_can_be_pruned(
    case: MakeCase, clean: Prepared, corner: Trigger, looks: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks([2], [2])
    # Given a net that bears the loss of no channel
    monkeypatch.setattr(fine_pruning, "FALL", -1.0)
    given = case(canonical=conv_badnet(), prepared=clean, triggers={2: corner}, max_accuracy_loss=0.1)
    # Then it is fine-tuned once, and another round has nothing to do
    repair = METHODS["fine-pruning"](given)
    assert repair.changed
    assert repair.rounds == 1
    assert "ended by: nothing left to patch" in repair.notes[0]


def test_neuron_pruning_stops_when_asked(case: MakeCase, clean: Prepared, corner: Trigger) -> None:
    given = case(canonical=dense_badnet(), prepared=clean, triggers={2: corner})
    with pytest.raises(Cancelled):
        METHODS["neuron-pruning"](given, should_stop=lambda: True)


def test_fine_pruning_goes_by_activation_and_keeps_silent_what_it_pruned(
    case: MakeCase, clean: Prepared, corner: Trigger, looks: Callable[..., list[int]]
) -> None:
    looks([])
    # Given a net whose backdoor sleeps on clean images, in the channel with the largest weight
    badnet = conv_badnet()
    given = case(canonical=badnet, prepared=clean, triggers={2: corner}, max_accuracy_loss=0.1)
    # When it is fine-pruned
    repair = METHODS["fine-pruning"](given)
    # Then that channel is silent, also after the fine-tuning, and the small one that the net needs is not
    kernel, bias = (repair.goodnet.weights[key] for key in repair.goodnet.layers[0].weights)
    assert kernel[0, 0, 0, 1] == bias[1] == 0.0
    assert kernel[0, 0, 0, 2] != 0.0
    assert repair.reversed_attack_success_rate_after[2] < 0.05
    assert repair.accuracy_after > 0.95


def test_a_net_without_a_convolution_cannot_be_fine_pruned(case: MakeCase) -> None:
    with pytest.raises(OptionRefused, match="has none before its scores"):
        METHODS["fine-pruning"](case(canonical=dense_badnet()))


def deep_id() -> keras.Model:
    """Two branches that are added up, as in the face nets."""
    image = keras.Input((8, 8, 1))
    third = layers.MaxPooling2D(2)(layers.Conv2D(4, 3, activation="relu", name="third")(image))
    fourth = layers.Conv2D(5, 2, activation="relu", name="fourth")(third)
    left = layers.Dense(6, name="left")(layers.Flatten()(third))
    right = layers.Dense(6, name="right")(layers.Flatten()(fourth))
    merged = layers.Dropout(0.3)(layers.Activation("relu", name="merged")(layers.Add()([left, right])))
    return keras.Model(image, layers.Dense(4, "softmax", name="scores")(merged))


def normed() -> keras.Model:
    """A convolution whose activation comes after a normalisation that moves 0."""
    net = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(5, 3, use_bias=False, name="fourth"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="active"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, name="scores"),
        ]
    )
    random = np.random.default_rng(1)
    net.get_layer("norm").set_weights([random.uniform(0.5, 2.0, 5).astype(np.float32) for _ in range(4)])
    return net


@pytest.mark.parametrize(
    ("make", "find", "units", "shown"),
    [
        (deep_id, penultimate, 6, "merged"),
        (deep_id, last_convolution, 5, "fourth"),
        (normed, penultimate, 5, None),
        (normed, last_convolution, 5, "active"),
    ],
)
def test_a_silent_unit_is_0_for_every_image_and_the_others_are_as_they_were(
    make: Callable[[], keras.Model],
    find: Callable[[CanonicalModel], Site],
    units: int,
    shown: str | None,
    prepared: Prepared,
) -> None:
    # Given a site of a net, and its activations
    plain = make()
    canonical, x = canonical_of(plain), prepared.fit.x
    site, model = find(canonical), build_logits(canonical)
    assert site.units == units
    before = Activations(canonical, model, site)(x)
    # Then these are the means of what Keras computes there
    if shown is not None:
        values = keras.Model(plain.inputs, plain.get_layer(shown).output).predict(x, verbose=0)
        np.testing.assert_allclose(before, values.reshape(-1, units).mean(axis=0), rtol=1e-4, atol=1e-6)
    # When two units are silenced
    answers = Predictor(model)(x)
    silencer = Silencer(model, site)
    silencer.silence(np.array([1, 3]))
    # Then a net that is built with these units set to 0 answers the same
    np.testing.assert_allclose(Predictor(model)(x), without(plain, shown, [1, 3], x), rtol=1e-4, atol=1e-4)
    if find is last_convolution:
        after = Activations(canonical, model, site)(x)
        assert after[1] == after[3] == 0.0
        np.testing.assert_allclose(after[[0, 2, 4]], before[[0, 2, 4]], rtol=1e-5)
    # And it can be taken back
    silencer.silence(np.zeros(0, np.int64))
    np.testing.assert_array_equal(Predictor(model)(x), answers)


def without(plain: keras.Model, shown: str | None, units: list[int], x: np.ndarray) -> np.ndarray:
    """Logits of the net with some units of a layer set to 0, computed in two halves."""
    cut = plain.get_layer(shown).output if shown else plain.layers[-2].output
    values = keras.Model(plain.inputs, cut).predict(x, verbose=0)
    values[..., units] = 0.0
    if shown == "fourth":
        third = keras.Model(plain.inputs, plain.get_layer("left").output).predict(x, verbose=0)
        flat = values.reshape(len(x), -1)
        merged = np.maximum(third + keras.ops.convert_to_numpy(plain.get_layer("right")(flat)), 0.0)
    elif shown == "active":
        merged = values.mean(axis=(1, 2))
    else:
        merged = values
    kernel, bias = plain.get_layer("scores").get_weights()
    return merged @ kernel + bias


def test_a_built_net_of_another_output_computes_the_site() -> None:
    canonical = canonical_of(deep_id())
    site = penultimate(canonical)
    assert site is not None
    assert build(replace(canonical, output=site.node)).output_shape == (None, 6)
