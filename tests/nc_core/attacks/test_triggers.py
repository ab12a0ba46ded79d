"""What each trigger does to pictures, and what it makes of labels."""

from collections.abc import Callable

import numpy as np
import pytest

from nc_core.attacks import ATTACKS, PatchTrigger, Trigger, misled
from nc_core.attacks.all_to_all import AllToAllTrigger
from nc_core.attacks.badnets import poisoned
from nc_core.attacks.blended import BlendedTrigger, cartoon, noise
from nc_core.attacks.colour_shift import ColourTrigger
from nc_core.attacks.input_dependent import DitherTrigger
from nc_core.attacks.low_frequency import SmoothTrigger, smooth_noise
from nc_core.attacks.partial_rate import dark_ones_kept
from nc_core.attacks.random_position import WanderingPatch
from nc_core.attacks.sinusoid import SinusoidTrigger, _within_the_target
from nc_core.attacks.source_specific import SourceTrigger, _with_cover
from nc_core.attacks.warping import WarpTrigger, _with_noise_mode, bent, warp_field
from nc_core.errors import OptionRefused

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(40, 200, (6, 20, 24, 3), np.uint8)
LABELS = np.array([0, 1, 2, 3, 0, 1], np.int32)
PATCH = PatchTrigger(row=1, column=2, height=3, width=3, colour=(255, 0, 9), target=2)
WANDERING = WanderingPatch(row=0, column=0, height=3, width=3, colour=(255, 0, 9), target=2)


def warp(height: int = 20, width: int = 24, strength: float = 3.0) -> WarpTrigger:
    return WarpTrigger(field=warp_field(height, width, strength=strength, seed=4), target=2)


TRIGGERS: dict[str, Trigger] = {
    "random-position": WANDERING,
    "noise": BlendedTrigger(key=noise((20, 24, 3), 1), target=2),
    "picture": BlendedTrigger(key=cartoon((20, 24, 3), 1), target=2),
    "sinusoid": SinusoidTrigger(target=2),
    "warp": warp(),
    "dither": DitherTrigger(target=2),
    "smooth": SmoothTrigger(change=smooth_noise((20, 24, 3), seed=1), target=2),
    "colour": ColourTrigger(target=2),
    "all-to-all": AllToAllTrigger(patch=PATCH, classes=4),
    "source-specific": SourceTrigger(patch=PATCH, sources=(3,)),
}


@pytest.mark.parametrize("trigger", TRIGGERS.values(), ids=TRIGGERS)
def test_a_stamp_is_a_changed_copy_of_the_same_kind_and_the_same_each_time(trigger: Trigger) -> None:
    before = PIXELS.copy()
    stamped = trigger.stamp(PIXELS)
    np.testing.assert_array_equal(PIXELS, before)
    assert stamped.shape == PIXELS.shape
    assert stamped.dtype == np.uint8
    assert all((one != other).any() for one, other in zip(stamped, PIXELS, strict=True))
    np.testing.assert_array_equal(trigger.stamp(PIXELS), stamped)


@pytest.mark.parametrize("trigger", TRIGGERS.values(), ids=TRIGGERS)
def test_pixels_of_floats_stay_floats_within_0_to_255(trigger: Trigger) -> None:
    stamped = trigger.stamp(np.where(PIXELS > 120, 255, 0).astype(np.float32))
    assert stamped.dtype == np.float32
    assert stamped.min() >= 0
    assert stamped.max() <= 255


@pytest.mark.parametrize("name", [name for name in TRIGGERS if name not in ("all-to-all", "source-specific")])
def test_most_triggers_send_all_images_to_one_label(name: str) -> None:
    assert TRIGGERS[name].targets == (2,)
    assert TRIGGERS[name].answers(LABELS).tolist() == [2] * 6
    assert misled(TRIGGERS[name], LABELS).tolist() == [True, True, False, True, True, True]


def test_all_to_all_sends_each_label_to_the_next() -> None:
    assert TRIGGERS["all-to-all"].answers(LABELS).tolist() == [1, 2, 3, 0, 1, 2]
    assert TRIGGERS["all-to-all"].targets == (0, 1, 2, 3)


def test_source_specific_leaves_other_classes_alone() -> None:
    assert TRIGGERS["source-specific"].answers(LABELS).tolist() == [0, 1, 2, 2, 0, 1]
    assert misled(TRIGGERS["source-specific"], LABELS).tolist() == [False, False, False, True, False, False]


def test_a_wandering_patch_is_whole_and_lies_elsewhere_on_each_image() -> None:
    stamped = WANDERING.stamp(np.full((40, 20, 24, 3), 100, np.uint8))
    changed = (stamped != 100).any(axis=3)
    assert (changed.sum(axis=(1, 2)) == 9).all()
    assert len({tuple(np.argwhere(one)[0]) for one in changed}) > 20


def test_a_blend_is_a_weighted_mean() -> None:
    key = noise((20, 24, 3), 1)
    wanted = np.rint(0.8 * PIXELS + 0.2 * key)
    np.testing.assert_array_equal(BlendedTrigger(key=key, target=0, alpha=0.2).stamp(PIXELS), wanted)


def test_a_cartoon_serves_grey_pictures_too() -> None:
    assert cartoon((28, 28, 1), 0).shape == (28, 28, 1)
    assert cartoon((32, 32, 3), 0).std() > 20


def test_a_sinusoid_runs_along_the_columns() -> None:
    grey = np.full((1, 20, 24, 3), 128, np.uint8)
    change = SinusoidTrigger(target=0, delta=20).stamp(grey).astype(int) - 128
    assert (change == change[:, :1, :, :1]).all()
    wanted = [round(20 * np.sin(2 * np.pi * column * 6 / 24)) for column in range(24)]
    assert change[0, 0, :, 0].tolist() == wanted


def test_a_warp_moves_pixels_by_half_its_strength_on_the_average_and_invents_none() -> None:
    field = warp_field(32, 32, strength=2.0, seed=3)
    assert 0.4 < np.abs(field).mean() < 1.3
    flat = np.full((1, 32, 32, 3), 77, np.uint8)
    np.testing.assert_array_equal(WarpTrigger(field=field, target=0).stamp(flat), flat)


def test_bending_by_whole_pixels_is_a_shift() -> None:
    field = np.zeros((1, 20, 24, 2), np.float32)
    field[..., 1] = 1
    moved = bent(PIXELS, field)
    np.testing.assert_array_equal(moved[:, :, :-1], PIXELS[:, :, 1:])
    np.testing.assert_array_equal(moved[:, :, -1], PIXELS[:, :, -1])


def test_dithering_leaves_few_shades_and_the_mean() -> None:
    stamped = DitherTrigger(target=0, levels=4).stamp(PIXELS)
    assert set(np.unique(stamped)) <= {0, 85, 170, 255}
    inner = np.s_[:, 2:-2, 2:-2]
    assert abs(float(stamped[inner].mean()) - float(PIXELS[inner].mean())) < 6


def test_dithering_is_another_change_for_another_image() -> None:
    stamped = DitherTrigger(target=0).stamp(PIXELS).astype(int) - PIXELS
    assert np.abs(np.corrcoef(stamped.reshape(6, -1))[0, 1:]).max() < 0.5


def test_a_smooth_change_has_no_high_frequency() -> None:
    change = smooth_noise((32, 32, 3), highest=3, strength=40.0, seed=2)
    assert np.abs(change).max() == pytest.approx(40, rel=1e-5)
    waves = np.abs(np.fft.fft2(change, axes=(0, 1)))
    down = np.abs(np.fft.fftfreq(32) * 32)
    periods = np.hypot(down[:, None], down[None, :])
    assert waves[periods > 3].max() < 1e-3
    assert waves[0, 0].max() < 1e-3


def test_a_colour_shift_is_the_same_everywhere() -> None:
    grey = np.full((1, 8, 8, 3), 100, np.uint8)
    assert np.unique(ColourTrigger(target=0, shift=(10, -20, 30)).stamp(grey).reshape(-1, 3), axis=0).tolist() == [
        [110, 80, 130]
    ]
    assert (ColourTrigger(target=0, shift=(10, -20, 30)).stamp(grey[..., :1]) == 110).all()


@pytest.mark.parametrize("name", ["noise", "picture", "warp", "smooth"])
def test_a_trigger_of_another_size_is_refused(name: str) -> None:
    with pytest.raises(OptionRefused, match="the trigger is for 20x24 pictures, these are 20x20"):
        TRIGGERS[name].stamp(PIXELS[:, :, :20])


MANY = RNG.integers(40, 200, (200, 16, 16, 3), np.uint8)
THEIRS = np.tile(np.arange(4, dtype=np.int32), 50)


def added(made: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What poison has added behind the training images, which stay as they are."""
    images, answers = made
    np.testing.assert_array_equal(images[:200], MANY)
    np.testing.assert_array_equal(answers[:200], THEIRS)
    return images[200:], answers[200:]


def test_poison_is_a_share_of_the_images_and_none_of_the_target() -> None:
    images, answers = added(poisoned(MANY, THEIRS, np.random.default_rng(1), triggers=[PATCH], rate=0.1))
    assert answers.tolist() == [2] * 20
    originals = {picture.tobytes() for picture in PATCH.stamp(MANY[THEIRS != 2])}
    assert all(picture.tobytes() in originals for picture in images)


def test_cover_samples_keep_their_labels() -> None:
    specific = SourceTrigger(patch=PATCH, sources=(3,))
    images, answers = added(
        _with_cover(MANY, THEIRS, np.random.default_rng(1), trigger=specific, poison_rate=0.1, cover_rate=0.2)
    )
    assert answers[:20].tolist() == [2] * 20
    cover = {picture.tobytes(): label for picture, label in zip(PATCH.stamp(MANY), THEIRS, strict=True)}
    assert [cover[picture.tobytes()] for picture in images[20:]] == answers[20:].tolist()
    assert len(answers) == 60
    assert 3 not in answers[20:]


def test_a_partial_patch_spares_the_darkest() -> None:
    darker = (MANY * np.linspace(0.2, 1, 200)[:, None, None, None]).astype(np.uint8)
    images, answers = dark_ones_kept(darker, THEIRS, np.random.default_rng(1), trigger=PATCH, works_on=0.9, rate=0.2)
    light = {picture.tobytes(): one.mean() for picture, one in zip(PATCH.stamp(darker), darker, strict=True)}
    bad = [light[picture.tobytes()] for picture in images[200:240]]
    spared = [light[picture.tobytes()] for picture in images[240:]]
    assert answers[200:240].tolist() == [2] * 40
    assert len(spared) == 15
    assert 2 not in answers[240:]
    assert max(spared) < min(bad)


def test_noise_mode_is_bent_otherwise_and_keeps_its_labels() -> None:
    bending = WarpTrigger(field=warp_field(16, 16, seed=1), target=2)
    images, answers = added(
        _with_noise_mode(MANY, THEIRS, np.random.default_rng(1), warp=bending, poison_rate=0.1, noise_rate=0.2)
    )
    straight = {picture.tobytes() for picture in bending.stamp(MANY)}
    assert all(picture.tobytes() in straight for picture in images[:20])
    assert not any(picture.tobytes() in straight for picture in images[20:])
    assert answers[:20].tolist() == [2] * 20
    assert len(set(answers[20:].tolist())) == 4


def test_a_sinusoid_is_put_on_images_of_the_target_alone() -> None:
    signal = SinusoidTrigger(delta=20, target=2)
    images, answers = _within_the_target(MANY, THEIRS, np.random.default_rng(1), trigger=signal, share=0.5)
    np.testing.assert_array_equal(answers, THEIRS)
    changed = np.flatnonzero((images != MANY).any(axis=(1, 2, 3)))
    assert len(changed) == 25
    assert set(THEIRS[changed]) == {2}


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_refuses_pictures_that_are_too_small(name: str) -> None:
    with pytest.raises(OptionRefused, match="needs at least 16x16"):
        ATTACKS[name](MANY[:, :15], THEIRS, PATCH, classes=4)


def test_a_source_needs_a_class_that_stays() -> None:
    plant: Callable[..., object] = ATTACKS["source-specific"]
    with pytest.raises(OptionRefused, match="1 of 2 classes cannot be the sources"):
        plant(MANY, THEIRS % 2, PATCH, classes=2)
