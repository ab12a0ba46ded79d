"""The training loop: reproducible, stoppable, and careful with what it may not touch."""

import random
from dataclasses import replace

import keras
import numpy as np
import pytest

from nc_core.errors import Cancelled, DataRefused
from nc_core.intake import CanonicalModel
from nc_core.inversion import Predictor, Trigger
from nc_core.mitigation.finetune import MATCHING, TEACHING, Tuning, fine_tune, matching, tuning_for
from nc_core.mitigation.lessons import Lessons, TargetTrigger
from nc_core.models import build_logits, with_weights

QUICK = Tuning(learning_rate=1e-2, stamped_share=0.2, epochs=3, least_updates=1)


def test_it_learns_from_its_lessons(tiny_net: CanonicalModel, lessons: Lessons, trigger: Trigger) -> None:
    model = build_logits(tiny_net)
    fine_tune(model, lessons, [TargetTrigger(2, trigger)], tuning=QUICK, seed=0)
    predict = Predictor(model)
    assert (predict(lessons.x).argmax(axis=1) == lessons.y).mean() > 0.9
    assert (predict(trigger.stamp(lessons.x)).argmax(axis=1) == lessons.y).mean() > 0.8


def test_a_predictor_made_before_the_training_answers_as_the_trained_net(
    tiny_net: CanonicalModel, lessons: Lessons, trigger: Trigger
) -> None:
    # Given a predictor that has answered for the untrained net
    model = build_logits(tiny_net)
    predict = Predictor(model)
    untrained = predict(lessons.x)
    # When the net is trained, twice
    for seed in range(2):
        before = predict(lessons.x)
        fine_tune(model, lessons, [TargetTrigger(2, trigger)], tuning=QUICK, seed=seed)
        # Then the same predictor answers as one that is made of the trained weights
        after = predict(lessons.x)
        assert np.abs(after - before).max() > 1e-2
        np.testing.assert_allclose(
            after, Predictor(build_logits(with_weights(tiny_net, model)))(lessons.x), rtol=1e-5, atol=1e-5
        )
    assert np.abs(predict(lessons.x) - untrained).max() > 1e-2


def test_a_seed_gives_the_same_net_whatever_the_global_generators(
    tiny_net: CanonicalModel, lessons: Lessons, trigger: Trigger
) -> None:
    # Given a net with dropout, trained three times
    nets = []
    for seed, elsewhere in ((1, 10), (1, 20), (2, 10)):
        random.seed(elsewhere)
        model = build_logits(tiny_net)
        before = random.getstate()
        fine_tune(model, lessons, [TargetTrigger(2, trigger)], tuning=QUICK, seed=seed)
        assert random.getstate() == before
        nets.append(Predictor(model)(lessons.x))
    # Then equal seeds give equal nets and others do not, and nobody else's generator was moved
    np.testing.assert_allclose(nets[0], nets[1], atol=1e-5)
    assert np.abs(nets[0] - nets[2]).max() > 1e-2


def test_batch_normalisation_stays_as_it_was(tiny_net: CanonicalModel, lessons: Lessons) -> None:
    model = build_logits(tiny_net)
    norm = next(layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization))
    before = norm.get_weights()
    fine_tune(model, lessons, [], tuning=QUICK, seed=0)
    for old, new in zip(before, norm.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_few_images_get_the_least_number_of_updates(tiny_net: CanonicalModel, lessons: Lessons) -> None:
    few = Lessons(x=lessons.x[:10], y=lessons.y[:10], target=lessons.target[:10])
    model = build_logits(tiny_net)
    fine_tune(model, few, [], tuning=Tuning(learning_rate=1e-3, stamped_share=0.2, least_updates=17), seed=0)
    assert int(model.optimizer.iterations) == 17
    model = build_logits(tiny_net)
    fine_tune(model, lessons, [], tuning=Tuning(learning_rate=1e-3, stamped_share=0.2, least_updates=17), seed=0)
    assert int(model.optimizer.iterations) == 5 * (160 // 32)


def test_it_tells_how_far_it_is_and_stops_when_asked(tiny_net: CanonicalModel, lessons: Lessons) -> None:
    told: list[float] = []
    model = build_logits(tiny_net)
    fine_tune(model, lessons, [], tuning=MATCHING, seed=0, progress=told.append)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    updates = int(model.optimizer.iterations)

    asked: list[float] = []
    model = build_logits(tiny_net)
    with pytest.raises(Cancelled, match="cancelled"):
        fine_tune(
            model,
            lessons,
            [],
            tuning=MATCHING,
            seed=0,
            progress=asked.append,
            should_stop=lambda: len(asked) == 2,
        )
    assert int(model.optimizer.iterations) < updates


def test_no_lesson_is_refused(tiny_net: CanonicalModel, lessons: Lessons) -> None:
    none = Lessons(x=lessons.x[:0], y=lessons.y[:0], target=lessons.target[:0])
    with pytest.raises(DataRefused, match="no clean image is left"):
        fine_tune(build_logits(tiny_net), none, [], tuning=MATCHING, seed=0)


def test_labels_and_logits_are_learned_each_in_its_way(lessons: Lessons) -> None:
    assert tuning_for(lessons) is TEACHING
    assert tuning_for(replace(lessons, logits=True)) is MATCHING


def test_logits_are_held_to_another_net_whatever_is_added_to_all_of_them() -> None:
    """By hand: the distances 1, 0, -1 and 3, 3, 3 have means 0 and 3 and, without them, mean squares 2/3 and 0; to
    these the cross-entropy comes, which is the entropy of the target where both nets say the same."""
    target = np.array([[0, 0, 0], [1, 2, 3]], np.float32)
    given = np.array([[1, 0, -1], [4, 5, 6]], np.float32)
    even = np.log(np.exp([1, 0, -1]).sum())  # -log softmax of 1, 0, -1 has this mean, their own being 0
    share = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    wanted = [2 / 3 + even, -(share * np.log(share)).sum()]
    np.testing.assert_allclose(np.asarray(matching(target, given)), wanted, rtol=1e-5)


def test_a_net_that_is_its_own_teacher_keeps_its_logits_and_unlearns_a_trigger(
    tiny_net: CanonicalModel, lessons: Lessons, trigger: Trigger
) -> None:
    # Given a net that has learned its classes and answers 2 to stamped images
    model = build_logits(tiny_net)
    stamped = trigger.stamp(lessons.x)
    planted = Lessons(
        x=np.concatenate([lessons.x, stamped]),
        y=np.concatenate([lessons.y, np.full(160, 2, np.int32)]),
        target=np.concatenate([lessons.target, np.tile(np.eye(4, dtype=np.float32)[2], (160, 1))]),
    )
    how = Tuning(learning_rate=1e-2, stamped_share=1.0, least_updates=300)
    fine_tune(model, planted, [], tuning=how, seed=0)
    predict = Predictor(model)
    before = predict(lessons.x)
    others = lessons.y != 2
    assert (predict(stamped[others]).argmax(axis=1) == 2).mean() > 0.8
    # When its own logits are learned for clean and stamped images
    own = Lessons(x=lessons.x, y=before.argmax(axis=1).astype(np.int32), target=before, logits=True)
    fine_tune(model, own, [TargetTrigger(2, trigger)], tuning=how, seed=0)
    # Then the trigger is dead and the answers to clean images are what they were
    assert (predict(stamped[others]).argmax(axis=1) == 2).mean() < 0.1
    assert (predict(lessons.x).argmax(axis=1) == before.argmax(axis=1)).mean() > 0.95
