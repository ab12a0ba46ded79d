"""What a repair learns from: true labels, stamped copies of the other classes, no suspicious images."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from nc_core.datasets.prepared import Part, Prepared
from nc_core.intake import CanonicalModel
from nc_core.inversion import Predictor, Trigger
from nc_core.mitigation import lessons as module
from nc_core.mitigation.lessons import (
    Lessons,
    TargetTrigger,
    clean_lessons,
    own_images,
    softmax,
    varied,
    with_stamped,
)
from nc_core.models import build_logits


def test_stamped_copies_carry_the_true_label_and_no_image_of_the_target_class(
    lessons: Lessons, trigger: Trigger
) -> None:
    # Given one trigger for label 2, When a fifth of 160 images is stamped
    generator = np.random.default_rng(0)
    shown = with_stamped(lessons, [TargetTrigger(2, trigger)], share=0.2, generator=generator)
    # Then the clean images are all there, and the copies are stamped, of other classes, truly labelled
    np.testing.assert_array_equal(shown.x[:160], lessons.x)
    added = len(shown) - 160
    assert 12 <= added <= 32
    assert 2 not in shown.y[160:]
    stamped = trigger.stamp(lessons.x)
    for x, y, target in zip(shown.x[160:], shown.y[160:], shown.target[160:], strict=True):
        source = int(np.flatnonzero((stamped == x).all(axis=(1, 2, 3)))[0])
        assert (y, target.argmax()) == (lessons.y[source], lessons.y[source])


def test_each_epoch_draws_anew_and_a_seed_repeats_it(lessons: Lessons, trigger: Trigger) -> None:
    def epochs(seed: int) -> list[Lessons]:
        generator = np.random.default_rng(seed)
        return [with_stamped(lessons, [TargetTrigger(2, trigger)], share=0.2, generator=generator) for _ in range(2)]

    first, second = epochs(4)
    assert not np.array_equal(first.y, second.y)
    np.testing.assert_array_equal(first.x, epochs(4)[0].x)


def test_several_triggers_are_all_used_each_off_its_own_target(lessons: Lessons, trigger: Trigger) -> None:
    # Given triggers of two labels that can be told apart by their brightness
    dark = Trigger(mask=trigger.mask, pattern=np.zeros_like(trigger.pattern))
    triggers = [TargetTrigger(0, trigger), TargetTrigger(1, dark)]
    shown = with_stamped(lessons, triggers, share=1.0, generator=np.random.default_rng(0))
    copies, y = shown.x[160:], shown.y[160:]
    bright = copies[:, 0, 0, 0] >= 0.9
    assert bright.any()
    assert not bright.all()
    assert 0 not in y[bright]
    assert 1 not in y[~bright]


def test_images_of_the_targets_own_classes_are_shown_beside_stamped_ones(lessons: Lessons, trigger: Trigger) -> None:
    # Given triggers of two labels, one of which no image shows
    left = lessons.y != 1
    known = replace(lessons, x=lessons.x[left], y=lessons.y[left], target=lessons.target[left])
    triggers = [TargetTrigger(label, trigger) for label in (1, 2)]
    # Then beside 40 stamped images there are 20 of the other label, as they are, with what is to be answered to them
    own = own_images(known, triggers, stamped=40, generator=np.random.default_rng(0))
    assert own.y.tolist() == [2] * 20
    sources = [int(np.flatnonzero((known.x == x).all(axis=(1, 2, 3)))[0]) for x in own.x]
    np.testing.assert_array_equal(own.target, known.target[sources])
    # And none where none is known
    assert not len(own_images(known, triggers[:1], stamped=40, generator=np.random.default_rng(0)))


def test_without_triggers_nothing_is_added(lessons: Lessons) -> None:
    assert with_stamped(lessons, [], share=0.2, generator=np.random.default_rng(0)) is lessons


def test_many_labelled_images_teach_their_labels(prepared: Prepared, tiny_net: CanonicalModel) -> None:
    part = Part(x=np.tile(prepared.repair.x, (7, 1, 1, 1)), y=np.tile(prepared.repair.y, 7))
    clean = clean_lessons(replace(prepared, repair=part), Predictor(build_logits(tiny_net)), [2], seed=0)
    assert len(clean) == 1120
    assert not clean.logits
    np.testing.assert_array_equal(clean.target.argmax(axis=1), part.y)
    np.testing.assert_array_equal(clean.target.sum(axis=1), np.ones(1120))
    # And fewer than 1,000 do not, though they are 30 a class
    assert clean_lessons(prepared, Predictor(build_logits(tiny_net)), [2], seed=0).logits


def test_few_labelled_images_teach_what_the_net_knows_of_those_that_it_answers_right(
    prepared: Prepared, tiny_net: CanonicalModel
) -> None:
    # Given fewer than 30 images a class, of which the net answers some right
    predict = Predictor(build_logits(tiny_net))
    part = Part(x=prepared.repair.x[:60], y=prepared.repair.y[:60])
    right = predict(part.x).argmax(axis=1) == part.y
    assert 0 < right.sum() < 60
    # When they become lessons, Then the others are left out; none for a flagged label that is known to be its own
    clean = clean_lessons(replace(prepared, repair=part), predict, [2], seed=0)
    assert clean.logits
    np.testing.assert_array_equal(clean.x[: right.sum()], part.x[right])
    np.testing.assert_allclose(clean.target, predict(clean.x), atol=1e-5)
    # And so is a variation that the net gives a flagged label, where its image has another: no lesson is in doubt
    everything = clean_lessons(replace(prepared, repair=part), predict, [], seed=0)
    own = part.y[right][np.arange(len(everything)) % right.sum()]
    flagged = int(everything.y[everything.y != own][0])
    drifting = (everything.y == flagged) & (own != flagged)
    clean = clean_lessons(replace(prepared, repair=part), predict, [flagged], seed=0)
    np.testing.assert_array_equal(clean.x, everything.x[~drifting])


def test_unlabelled_images_of_a_flagged_label_are_left_out(prepared: Prepared, tiny_net: CanonicalModel) -> None:
    # Given images whose y are the model's own answers
    predict = Predictor(build_logits(tiny_net))
    logits = predict(prepared.repair.x)
    own = replace(prepared, repair=Part(x=prepared.repair.x, y=logits.argmax(axis=1).astype(np.int32)), labelled=False)
    flagged = int(own.repair.y[0])
    # When they become lessons, Then those that may hold the trigger are gone, the others and their variations teach its
    # logits
    clean = clean_lessons(own, predict, [flagged], seed=0)
    shown = own.repair.x[own.repair.y != flagged]
    np.testing.assert_array_equal(clean.x[: len(shown)], shown)
    assert len(shown) < len(clean) < 1600
    assert flagged not in clean.y
    np.testing.assert_allclose(clean.target, predict(clean.x), atol=1e-5)
    # And where probabilities are asked for, they are those of the logits
    np.testing.assert_allclose(clean.probabilities, softmax(clean.target), atol=1e-6)
    np.testing.assert_allclose(clean.probabilities.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("count", [1, 7])
def test_no_unlabelled_image_may_be_left(
    prepared: Prepared,
    part: Callable[..., Part],
    tiny_net: CanonicalModel,
    count: int,
) -> None:
    images = part(3, count)
    own = replace(prepared, repair=Part(x=images.x, y=np.full(count, 2, np.int32)), labelled=False)
    assert len(clean_lessons(own, Predictor(build_logits(tiny_net)), [2], seed=0)) == 0


def test_variations_are_mirrored_shifted_and_blended_images_of_the_same_range(part: Callable[..., Part]) -> None:
    x = part(1, 20).x
    made = varied(x, seed=4)
    assert made.shape == (200, 8, 8, 1)
    np.testing.assert_array_equal(made[:20], x)
    np.testing.assert_array_equal(made[20:40], x[:, :, ::-1])
    np.testing.assert_array_equal(made[40:60, 1:, 1:], x[:, :-1, :-1])
    assert x.min() <= made.min() <= made.max() <= x.max()
    np.testing.assert_array_equal(made, varied(x, seed=4))
    assert not np.array_equal(made, varied(x, seed=5))


def test_there_are_only_as_many_variations_as_memory_allows(
    part: Callable[..., Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = part(1, 20).x
    for most, times in ((x.size // 2, 1), (3 * x.size, 3)):
        monkeypatch.setattr(module, "MOST_FLOATS", most)
        assert len(varied(x, seed=0)) == times * 20
