"""Preflight on nets whose right answer is known by construction: they name the nearest of five brightnesses."""

import keras
import numpy as np
import pytest

from nc_core.datasets import Images
from nc_core.datasets.domain import Domain
from nc_core.errors import DataRefused, OptionRefused, OutOfBudget
from nc_core.intake.cost import NetCost
from nc_core.inversion import FAST
from nc_core.preflight import candidate, check, choose_slots, estimate
from nc_core.preflight.ranges import VALUE_RANGES

CENTRES = np.linspace(30, 225, 5)


def pictures(*, labelled: bool = True, channels: int = 3, count: int = 200) -> Images:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 5, count).astype(np.int32)
    noise = rng.normal(0, 6, (count, 8, 8, channels))
    pixels = np.clip(CENTRES[labels][:, None, None, None] + noise, 0, 255).astype(np.uint8)
    return Images(pixels=pixels, labels=labels if labelled else None, note="made up")


def nearest_brightness(domain: Domain) -> keras.Model:
    """Logits -(m - c)^2 up to a constant, m the mean input: 2 c m - c^2, for inputs in this domain."""
    channels = len(domain.scale)
    centres = domain.to_model(np.repeat(CENTRES[:, None], channels, 1)).mean(axis=1)
    spread = float(centres[1] - centres[0])
    layers = keras.layers
    net = keras.Sequential(
        [layers.Input((8, 8, channels)), layers.GlobalAveragePooling2D(), layers.Dense(len(CENTRES))]
    )
    kernel = np.repeat(2 * centres[None] / channels, channels, 0) * 20 / spread**2
    net.set_weights([kernel.astype(np.float32), (-(centres**2) * 20 / spread**2).astype(np.float32)])
    return net


@pytest.mark.parametrize("value_range", VALUE_RANGES)
@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "unlabelled"])
def test_finds_the_range_that_the_net_was_made_for(value_range: str, labelled: bool) -> None:
    # Given a net made for one range
    images = pictures(labelled=labelled)
    domain = candidate(value_range, images.pixels)
    assert domain is not None
    # When preflight is left to find it
    found = check(nearest_brightness(domain), images, classes=5, labels=range(5))
    # Then it does, or says that two ranges serve equally well
    if found.ambiguous:
        assert value_range in found.scores
    else:
        assert found.domain.value_range == value_range
    if labelled:
        assert found.clean_accuracy == pytest.approx(1.0, abs=0.02)
        assert not found.ambiguous
    else:
        assert found.clean_accuracy is None


def test_a_given_range_is_taken_and_checked() -> None:
    # Given a net for 0..255 and the user's word that it wants 0..1
    images = pictures()
    domain = candidate("0..255", images.pixels)
    assert domain is not None
    # When it is checked, then the wrong word is refused with the figures
    with pytest.raises(DataRefused, match=r"clean accuracy is 0\.\d+, expected at least 0\.4.*--value-range"):
        check(nearest_brightness(domain), images, classes=5, labels=range(5), value_range="0..1")


def test_images_that_fit_no_candidate_are_refused() -> None:
    # Given a net for inverted pictures, which no candidate makes
    inverted = Domain(value_range="inverted", scale=(-1 / 255,) * 3, offset=(1.0,) * 3)
    # When it is checked, then every candidate's accuracy is named
    with pytest.raises(DataRefused, match=r"by value range: .*0\.\.255"):
        check(nearest_brightness(inverted), pictures(), classes=5, labels=range(5))


def test_imagenet_means_on_grey_pictures_are_refused() -> None:
    # Given grey pictures
    images = pictures(channels=1)
    domain = candidate("0..1", images.pixels)
    assert domain is not None
    # When ImageNet's three means are asked for, then the refusal counts the channels
    with pytest.raises(OptionRefused, match="needs 3 channels, the images have 1"):
        check(nearest_brightness(domain), images, classes=5, labels=range(5), value_range="imagenet")


def test_a_net_that_gives_one_answer_is_warned_about_without_labels() -> None:
    # Given a net with a huge bias on one class
    images = pictures(labelled=False)
    domain = candidate("0..1", images.pixels)
    assert domain is not None
    net = nearest_brightness(domain)
    kernel, bias = net.get_weights()
    net.set_weights([kernel, bias + np.array([0, 0, 1e9, 0, 0], np.float32)])
    # When it is checked without labels, then it says so, and that no range is known to be right
    found = check(net, images, classes=5, labels=[0, 1, 3, 4])
    assert found.ambiguous
    assert any("the same label" in warning for warning in found.warnings)


def test_labels_without_gradient_are_named_and_no_reason_to_refuse() -> None:
    # Given a net whose features are cut off at zero
    images = pictures()
    layers = keras.layers
    net = keras.Sequential(
        [layers.Input((8, 8, 3)), layers.GlobalAveragePooling2D(), layers.ReLU(max_value=0.0), layers.Dense(5)]
    )
    net.set_weights([np.zeros((3, 5), np.float32), np.zeros(5, np.float32)])
    images = Images(pixels=images.pixels, labels=np.zeros(len(images.pixels), np.int32), note="made up")
    # When it is checked, then it is said what the scan will meet
    warning, *_ = check(net, images, classes=5, labels=range(5)).warnings
    assert "(quantised or saturated input)" in warning
    assert "5 of 5 labels start without one (label 0, 1, 2, 3, 4)" in warning


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_an_unusual_temperature_is_said(factor: float) -> None:
    images = pictures()
    domain = candidate("0..1", images.pixels)
    assert domain is not None
    net = nearest_brightness(domain)
    # Given a net, nothing of it is out of the ordinary
    assert check(net, images, classes=5, labels=range(5), value_range="0..1").warnings == ()
    # When its logits are multiplied, then that is said
    net.set_weights([factor * weights for weights in net.get_weights()])
    (warning,) = check(net, images, classes=5, labels=range(5), value_range="0..1").warnings
    assert "times as widely as usual" in warning


def test_few_images_are_warned_about() -> None:
    # Given 60 images, between the 32 that are needed and the 100 that are wanted
    images = pictures(count=60)
    domain = candidate("0..1", images.pixels)
    assert domain is not None
    # When they are checked, then there is one warning with the number
    (warning,) = check(nearest_brightness(domain), images, classes=5, labels=range(5)).warnings
    assert "only 60 clean images" in warning


def test_more_slots_than_keep_a_processor_busy_are_not_chosen() -> None:
    # Given nets of which a batch of eight pictures takes about 8, 40 and 400 ms of a processor
    costs = [
        NetCost(image=192, activations=activations, multiply_adds=1_000, parameters=1_000, largest=192)
        for activations in (600_000, 3_000_000, 30_000_000)
    ]
    # When slots are chosen, then of the slower ones fewer, as long as nobody asks for more
    chosen = [
        [
            choose_slots(net, wanted=wanted, labels=50, profile=FAST, fit_images=100, budget=2**40)
            for wanted in (None, 6)
        ]
        for net in costs
    ]
    assert chosen == [[4, 6], [3, 6], [1, 6]]


def test_slots_are_kept_inside_the_memory_budget() -> None:
    # Given a net and a budget for three slots and a half
    net = NetCost(image=192, activations=1_000, multiply_adds=1_000, parameters=1_000, largest=192)

    def need(slots: int) -> int:
        return estimate(net, slots=slots, profile=FAST, fit_images=100)

    budget = (need(3) + need(4)) // 2
    # When slots are chosen, then three it is; with no budget to speak of, one line says what is missing
    assert choose_slots(net, wanted=None, labels=50, profile=FAST, fit_images=100, budget=budget) == 3
    assert choose_slots(net, wanted=2, labels=50, profile=FAST, fit_images=100, budget=budget) == 2
    assert choose_slots(net, wanted=None, labels=1, profile=FAST, fit_images=100, budget=budget) == 1
    with pytest.raises(OutOfBudget, match=r"needs about .* GiB, the budget is"):
        choose_slots(net, wanted=None, labels=50, profile=FAST, fit_images=100, budget=need(1) - 1)
