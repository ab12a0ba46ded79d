"""Retraining with known poison: N + 1 classes, one net with them and one without."""

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest

from nc_core.datasets.prepared import Prepared
from nc_core.errors import OptionRefused
from nc_core.intake import CanonicalModel
from nc_core.inversion import Predictor, Trigger
from nc_core.mitigation import METHODS, Case
from nc_core.mitigation import lessons as clean_images
from nc_core.mitigation.lessons import Lessons
from nc_core.mitigation.retraining import half_of, with_cured, with_poison
from nc_core.mitigation.widening import widened
from nc_core.models import build, build_logits, canonical_of
from tests.nc_core.mitigation.conftest import dense_badnet

layers = keras.layers


@pytest.mark.parametrize("ending", [["softmax"], ["linear"], ["linear", "softmax"], ["sigmoid"]])
def test_a_wider_net_gives_the_old_classes_the_scores_that_they_had(prepared: Prepared, ending: list[str]) -> None:
    # Given a net that ends in a Dense, with a softmax of its own or after it
    first, *rest = ending
    stack = [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(4, first), *map(layers.Activation, rest)]
    canonical, x = canonical_of(keras.Sequential(stack)), prepared.fit.x
    # When it gets an output more
    wide = widened(canonical, like=2)
    scores, before = Predictor(build_logits(wide))(x), Predictor(build_logits(canonical))(x)
    # Then that one begins as the one it is to be like, and the others are what they were
    assert build(wide).output_shape == (None, 5)
    np.testing.assert_allclose(scores[:, :4], before, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scores[:, 4], before[:, 2], rtol=1e-5, atol=1e-6)


def test_a_net_that_cannot_be_widened_is_refused() -> None:
    image = keras.Input((8, 8, 1))
    maps = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 8)(image))
    one = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1, "sigmoid")])
    for net in (keras.Model(image, maps), one):
        with pytest.raises(OptionRefused, match="does not end in a Dense layer"):
            widened(canonical_of(net), like=0)


def test_half_of_the_poison_is_learned_from_drawn_by_the_seed() -> None:
    assert len(half_of(100, 1)) == 50
    assert np.array_equal(half_of(100, 1), half_of(100, 1))
    assert not np.array_equal(half_of(100, 1), half_of(100, 2))
    assert len(set(half_of(7, 1).tolist())) == 3


def test_poison_is_a_class_of_its_own_in_a_fifth_of_the_clean_images(lessons: Lessons) -> None:
    poison = np.full((3, 8, 8, 1), 7.0, np.float32)
    shown = with_poison(lessons, poison)
    assert shown.target.shape == (192, 5)
    np.testing.assert_array_equal(shown.target[:160, :4], lessons.target)
    assert (shown.x[160:] == 7.0).all()
    assert (shown.y[160:] == 4).all()
    assert (shown.target.argmax(axis=1)[160:] == 4).all()


def test_of_poison_the_target_alone_is_unlearned(lessons: Lessons) -> None:
    # Given six poisoned images, of which five get the attack's target 2, and what else they look like
    looks_like = [[5, 1, 9, 0], [1, 5, 9, 0], [5, 1, 9, 0], [5, 1, 0, 2], [5, 1, 9, 0], [5, 1, 9, 0]]
    scores = np.array(looks_like, np.float32)
    poison = np.full((6, 8, 8, 1), 7.0, np.float32)
    shown = with_cured(lessons, poison, scores)
    # Then they are shown as what they look like, beside the clean ones
    np.testing.assert_array_equal(shown.target[:160], lessons.target)
    assert len(shown) == 192
    assert shown.y[160:166].tolist() == [0, 1, 0, 0, 0, 0]
    np.testing.assert_allclose(shown.target[160:].sum(axis=1), 1.0, rtol=1e-5)
    # And where logits are learned the target has the least of them, and the others stay
    logits = replace(lessons, logits=True)
    assert with_cured(logits, poison, scores).target[160].tolist() == [5, 1, 0, 0]
    assert with_cured(logits, poison, scores).target[163].tolist() == [5, 1, 0, 2]


def _lead(net: CanonicalModel, images: np.ndarray, *, target: int) -> float:
    """Mean logit of the target above the next."""
    scores = Predictor(build_logits(net))(images)
    return float((scores[:, target] - np.delete(scores, target, axis=1).max(axis=1)).mean())


def test_poison_that_was_not_learned_is_named_by_the_guarded_net(
    case: Callable[..., Case],
    clean: Prepared,
    corner: Trigger,
    looks: Callable[..., list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a BadNet, images enough to learn their labels, and 40 poisoned ones
    monkeypatch.setattr(clean_images, "IMAGES", 100)
    looks([])
    badnet = dense_badnet()
    stamped = corner.stamp(clean.holdout.x[:40])
    told: list[str] = []
    # When it is retrained
    repair = METHODS["retraining"](
        case(canonical=badnet, prepared=clean, poison=stamped), progress=lambda _, doing: told.append(doing)
    )
    # Then it learned from 20, and its net of five classes gives most of the others the fifth
    assert len(repair.poison_learned) == 20
    rest = np.setdiff1d(np.arange(40), repair.poison_learned)
    assert repair.guarded is not None
    answers = Predictor(build_logits(repair.guarded))(stamped[rest]).argmax(axis=1)
    assert (answers == 4).mean() > 0.7
    # And in the GoodNet, of the submitted architecture, the attack's target leads by less on them
    assert repair.goodnet.layers == badnet.layers
    before, after = (_lead(net, stamped[rest], target=2) for net in (badnet, repair.goodnet))
    assert after < 0.9 * before
    assert repair.accuracy_after > 0.98
    assert "round 1 of 1: retraining" in told


def test_without_poison_it_is_refused(case: Callable[..., Case]) -> None:
    for poison in (None, np.zeros((1, 8, 8, 1), np.float32)):
        with pytest.raises(OptionRefused, match="pass at least 2 with --poisoned"):
            METHODS["retraining"](case(poison=poison))
