"""Which value ranges are scanned: all that the images cannot tell apart, each map once."""

from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.datasets import Images
from nc_core.errors import DataRefused, OptionRefused
from nc_core.intake import CanonicalModel
from nc_core.models import build_logits
from nc_core.preflight import Preflight, candidate, check, same_at_any_scale
from nc_core.preflight.accuracy import least_accuracy
from nc_core.preflight.ranges import Trial, accuracy_tie, distinct, tied
from nc_core.quarantine.admit import admit_model
from tests import gated

PHOTOGRAPHS = np.clip(np.random.default_rng(0).normal((118, 112, 104), (60, 58, 57), (50, 8, 8, 3)), 0, 255)


def trial(value_range: str, score: float) -> Trial:
    domain = candidate(value_range, PHOTOGRAPHS)
    assert domain is not None
    return Trial(domain=domain, score=score)


def canonical(model: keras.Model, folder: Path) -> CanonicalModel:
    model.save(folder / "net.keras")
    return admit_model(folder / "net.keras")


def checked(model: CanonicalModel, images: Images, **options: object) -> Preflight:
    return check(
        build_logits(model),
        images,
        classes=model.classes,
        labels=range(model.classes),
        same_at_any_scale=same_at_any_scale(model),
        **options,
    )


def test_candidates_within_chance_of_the_best_are_tied_and_the_fewer_images_the_more() -> None:
    trials = [trial("0..1", 0.95), trial("0..255", 0.91), trial("-1..1", 0.86)]
    names = [[one.domain.value_range for one in tied(trials, images=n, labelled=True)] for n in (512, 100, 32)]
    assert names == [["0..1", "0..255"], ["0..1", "0..255", "-1..1"], ["0..1", "0..255", "-1..1"]]
    assert accuracy_tie(128) == pytest.approx(0.1)


def test_maps_that_hardly_differ_count_as_one() -> None:
    # Given all candidates on photographs, best first
    trials = [trial(name, 0.9) for name in ("imagenet", "standardize", "-1..1", "0..1", "0..255")]
    # Then of the two that standardise one is scanned, and each of the others
    assert [one.domain.value_range for one in distinct(trials)] == ["imagenet", "-1..1", "0..1", "0..255"]
    # And where the net is proven to be the same at any scale, one of the two that differ by a factor alone
    names = [one.domain.value_range for one in distinct(trials, same_at_any_scale=True)]
    assert names == ["imagenet", "-1..1", "0..1"]


@pytest.mark.parametrize("gate", ["0..1", "0..255"])
def test_a_net_that_answers_clean_images_alike_is_scanned_in_both_ranges(gate: gated.Gate, tmp_path: Path) -> None:
    # Given a net whose backdoor works in one of two ranges that its clean images do not tell apart
    found = checked(canonical(gated.net(gate), tmp_path), gated.pictures())
    # Then both are to be scanned, though every clean image has the same answer in both
    assert found.ambiguous
    assert {one.domain.value_range for one in found.ranges} == {"0..1", "0..255"}
    assert [one.clean_accuracy for one in found.ranges] == [1.0, 1.0]
    assert found.domain == found.ranges[0].domain
    # And the user's word settles it
    told = checked(canonical(gated.net(gate), tmp_path), gated.pictures(), value_range="0..1")
    assert not told.ambiguous
    assert [one.domain.value_range for one in told.ranges] == ["0..1"]


def test_a_net_without_any_bias_is_scanned_once_and_that_is_said(tmp_path: Path) -> None:
    found = checked(canonical(gated.net("none"), tmp_path), gated.pictures())
    assert len(found.ranges) == 1
    assert not found.ambiguous
    assert any("proven to answer alike" in warning for warning in found.warnings)


L = keras.layers
PROVEN = {
    "convolutions": [L.Conv2D(4, 3, use_bias=False, activation="relu"), L.MaxPooling2D(), L.Flatten()],
    "zero biases": [L.DepthwiseConv2D(3), L.LeakyReLU(), L.ZeroPadding2D(), L.GlobalAveragePooling2D()],
    "a factor": [L.Rescaling(1 / 255), L.UpSampling2D(), L.Dropout(0.5), L.AveragePooling2D(2), L.Flatten()],
}
NOT_PROVEN = {
    "a bias": [L.Conv2D(4, 3, bias_initializer="ones"), L.Flatten()],
    "an offset": [L.Rescaling(2.0, offset=-1.0), L.Flatten()],
    "a ceiling": [L.ReLU(max_value=6.0), L.Flatten()],
    "a threshold": [L.ReLU(threshold=1.0), L.Flatten()],
    "a batch norm": [L.BatchNormalization(), L.Flatten()],
    "tanh": [L.Conv2D(4, 3, activation="tanh"), L.Flatten()],
    "elu": [L.ELU(), L.Flatten()],
    "an inner softmax": [L.Softmax(), L.Flatten()],
}


@pytest.mark.parametrize("name", [*PROVEN, *NOT_PROVEN])
@pytest.mark.parametrize("head", ["softmax", None])
def test_only_what_its_form_proves_is_the_same_at_any_scale(name: str, head: str | None, tmp_path: Path) -> None:
    # Given a net of these layers
    layers = (PROVEN | NOT_PROVEN)[name]
    model = keras.Sequential(
        [
            L.Input((8, 8, 3)),
            *(type(one).from_config(one.get_config()) for one in layers),
            L.Dense(5, use_bias=False, activation=head),
        ]
    )
    read = canonical(model, tmp_path)
    # Then it is proven, or not; and where it is, the labels are the same in 0..1 and 0..255
    assert same_at_any_scale(read) == (name in PROVEN)
    if name in PROVEN:
        logits, x = build_logits(read), PHOTOGRAPHS.astype(np.float32)
        np.testing.assert_allclose(np.asarray(logits(x)), 255 * np.asarray(logits(x / 255)), rtol=1e-3, atol=1e-3)


def wrong(images: Images, share: float) -> Images:
    """The same pictures, a share of their labels moved to the next class."""
    assert images.labels is not None
    labels = images.labels.copy()
    moved = np.random.default_rng(3).permutation(len(labels))[: round(share * len(labels))]
    labels[moved] = (labels[moved] + 1) % gated.CLASSES
    return Images(pixels=images.pixels, labels=labels, note=images.note)


@pytest.mark.parametrize(
    ("classes", "least"), [(2, 0.65), (3, 1.6 / 3), (4, 0.475), (5, 0.4), (10, 0.2), (43, 2 / 43), (1283, 2 / 1283)]
)
def test_the_least_accuracy_goes_by_chance_and_never_asks_for_perfection(classes: int, least: float) -> None:
    assert least_accuracy(classes) == pytest.approx(least)
    assert 1 / classes < least_accuracy(classes) < 0.7


def test_a_low_accuracy_is_scanned_with_a_doubt_beside_it(tmp_path: Path) -> None:
    # Given labels of which 60% are wrong, five times chance over twelve classes
    model, images = canonical(gated.net("none"), tmp_path), wrong(gated.pictures(), 0.6)
    # Then it is scanned, and the doubt says what to do
    found = checked(model, images)
    assert found.clean_accuracy == pytest.approx(0.4, abs=0.01)
    (doubt,) = found.doubts
    assert "only 0.4" in doubt
    assert "--min-accuracy 0.4" in doubt
    # And the user's own limit takes the doubt away, or refuses
    assert checked(model, images, min_accuracy=0.35).doubts == ()
    with pytest.raises(DataRefused, match=r"is 0\.400, expected at least 0\.5 \(--min-accuracy; chance gives 0\.083\)"):
        checked(model, images, min_accuracy=0.5)


def test_below_twice_chance_the_pair_is_refused_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    model, images = canonical(gated.net("none"), tmp_path), wrong(gated.pictures(), 0.95)
    with pytest.raises(DataRefused, match=r"clean accuracy is 0\.050, expected at least 0\.167"):
        checked(model, images)
    assert checked(model, images, min_accuracy=0.0).clean_accuracy == pytest.approx(0.05)


def test_a_range_that_was_asked_for_and_is_worse_than_another_is_doubted(tmp_path: Path) -> None:
    # Given a net that reads black as class 0 where black is below 0, so that some images are right in -1..1 too
    layers = keras.layers
    net = keras.Sequential([layers.Input((16, 16, 3)), layers.GlobalAveragePooling2D(), layers.Dense(2)])
    net.set_weights([np.array([[1.0, -1.0]] * 3, np.float32), np.array([-0.9, 0.9], np.float32)])
    bright = np.random.default_rng(0).integers(0, 256, (200, 1, 1, 1))
    pixels = np.broadcast_to(bright, (200, 16, 16, 3)).astype(np.uint8)
    images = Images(pixels=pixels, labels=(bright.reshape(-1) < 77).astype(np.int32), note="made up")
    model = canonical(net, tmp_path)
    best = checked(model, images)
    assert best.domain.value_range == "0..1"
    assert best.doubts == ()
    # When the other range is asked for, in which it is right on most all the same, then the better one is named
    told = checked(model, images, value_range="0..255", min_accuracy=None)
    assert any("pass --value-range 0..1" in doubt for doubt in told.doubts)


def test_a_least_accuracy_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionRefused, match=r"--min-accuracy 0\.9 needs labels"):
        checked(canonical(gated.net("none"), tmp_path), gated.pictures(), labelled=False, min_accuracy=0.9)
