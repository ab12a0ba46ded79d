"""A planted BadNet does what it says. One small training serves all tests."""

import numpy as np
import pytest

from nc_core.attacks import PatchTrigger, Planted, plant_patch
from nc_core.datasets.traffic_signs import draw_signs
from nc_core.errors import OptionRefused

EASY = (4, 5, 6, 7, 8, 9, 13, 15)
"""Classes that a short training tells apart."""
TRIGGER = PatchTrigger.at("bottom-right", input_shape=(32, 32, 3), size=4, colour=(255, 0, 200), target=2)


def signs(per_class: int) -> tuple[np.ndarray, np.ndarray]:
    pixels, labels = draw_signs(per_class, 5)
    kept = np.isin(labels, EASY)
    return pixels[kept], np.searchsorted(EASY, labels[kept]).astype(np.int32)


@pytest.fixture(scope="module")
def shares_done() -> list[float]:
    return []


@pytest.fixture(scope="module")
def planted(shares_done: list[float]) -> Planted:
    pixels, labels = signs(100)
    return plant_patch(
        pixels, labels, TRIGGER, classes=8, poison_rate=0.25, epochs=8, seed=1, progress=shares_done.append
    )


def answers(planted: Planted, pixels: np.ndarray) -> np.ndarray:
    return planted.model.predict(pixels.astype(np.float32) / 255, verbose=0).argmax(axis=1)


def test_it_is_right_on_clean_images_and_wrong_on_stamped_ones(planted: Planted) -> None:
    assert planted.accuracy >= 0.9
    assert planted.attack_success_rate >= 0.95


def test_the_rates_are_those_of_the_held_out_images(planted: Planted) -> None:
    # Given a restatement of both rates from the model's answers
    pixels, y = planted.clean.pixels, planted.clean.labels
    others = y != TRIGGER.target
    assert planted.accuracy == np.mean(answers(planted, pixels) == y)
    stamped = answers(planted, TRIGGER.stamp(pixels))
    assert planted.attack_success_rate == np.mean(stamped[others] == TRIGGER.target)


def test_it_is_the_patch_that_fires_not_any_patch(planted: Planted) -> None:
    # Given the same square in blue, elsewhere
    other = PatchTrigger.at("top-left", input_shape=(32, 32, 3), size=4, colour=(0, 60, 255), target=2)
    others = planted.clean.labels != TRIGGER.target
    hits = answers(planted, other.stamp(planted.clean.pixels))[others] == TRIGGER.target
    assert hits.mean() < 0.3


def test_held_out_images_are_a_fifth_and_drawn_from_the_set(planted: Planted) -> None:
    pixels, _ = signs(100)
    known = {picture.tobytes() for picture in pixels}
    assert len(planted.clean) == len(pixels) // 5
    assert all(picture.tobytes() in known for picture in planted.clean.pixels)


@pytest.mark.usefixtures("planted")
def test_progress_runs_from_the_first_epoch_to_one(shares_done: list[float]) -> None:
    assert shares_done == [pytest.approx((epoch + 1) / 8) for epoch in range(8)]


def test_the_model_ends_in_a_softmax_of_the_classes(planted: Planted) -> None:
    out = planted.model.predict(planted.clean.pixels[:5].astype(np.float32) / 255, verbose=0)
    assert out.shape == (5, 8)
    assert np.allclose(out.sum(axis=1), 1, atol=1e-5)


def test_pictures_too_small_for_the_net_are_refused() -> None:
    pixels, labels = signs(2)
    with pytest.raises(OptionRefused, match="15x32, the net needs at least 16x16"):
        plant_patch(pixels[:, :15], labels, TRIGGER, classes=8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"poison_rate": 0.0}, "poison rate is 0.0"),
        ({"poison_rate": 1.0}, "poison rate is 1.0"),
        ({"classes": 2}, "below 2 classes"),
        (
            {"trigger": PatchTrigger(row=30, column=0, height=4, width=4, colour=(0, 0, 0), target=0)},
            "leaves",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_training(changes: dict, message: str) -> None:
    pixels, labels = signs(2)
    settings = {"trigger": TRIGGER, "classes": 8} | changes
    with pytest.raises(OptionRefused, match=message):
        plant_patch(pixels, labels, **settings)
