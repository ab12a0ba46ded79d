"""One linear output: what it means is found out from labelled data, and said."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.datasets import Images
from nc_core.intake import CanonicalModel
from nc_core.inversion import PROFILES
from nc_core.models import build, build_logits, canonical_of, save_keras
from nc_core.preflight import Pace
from nc_core.scanning.one_output import as_logit
from nc_core.scanning.preparation import prepare_scan

DARK, BRIGHT = 40, 200


@pytest.fixture
def images() -> Images:
    """Dark pictures of class 0 and bright ones of class 1."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 120)
    pixels = np.where(labels[:, None, None, None], BRIGHT, DARK) + generator.integers(-9, 10, (120, 4, 4, 3))
    return Images(pixels=pixels.astype(np.uint8), labels=labels.astype(np.int32))


def net(dark: float, bright: float, *head: keras.layers.Layer) -> CanonicalModel:
    """A net whose one output goes from the one number to the other, of pictures in 0..1."""
    dense = keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.GlobalAveragePooling2D(), dense, *head])
    slope = (bright - dark) / ((BRIGHT - DARK) / 255)
    dense.set_weights([np.full((3, 1), slope / 3, np.float32), np.array([dark - slope * DARK / 255], np.float32)])
    return canonical_of(model)


def answers(canonical: CanonicalModel, images: Images) -> list[int]:
    pixels = images.pixels.astype(np.float32) / 255
    return build_logits(canonical).predict_on_batch(pixels).argmax(axis=1).tolist()


@pytest.mark.parametrize("value_range", ["0..1", "auto"])
def test_an_output_that_goes_from_below_0_to_above_is_a_logit(images: Images, value_range: str) -> None:
    canonical = net(-3, 2)
    same, said = as_logit(canonical, images, value_range=value_range, pace=Pace())
    assert same is canonical
    assert "read as a logit" in (said or "")
    assert images.labels is not None
    assert answers(same, images) == images.labels.tolist()


def test_an_output_that_goes_from_0_to_1_parts_the_classes_at_a_half(images: Images, tmp_path: Path) -> None:
    # Given a net that was trained on 0 and 1 as numbers
    canonical = net(0.1, 0.9)
    less, said = as_logit(canonical, images, value_range="0..1", pace=Pace())
    # Then it is read so, and said
    assert "parts the classes at 0.5 (right on 100.0% of images" in (said or "")
    assert images.labels is not None
    assert answers(less, images) == images.labels.tolist()
    assert set(answers(canonical, images)) == {1}
    # And what is written of it is that number less a half, read again as the same
    save_keras(less, tmp_path / "less.keras")
    pixels = images.pixels.astype(np.float32) / 255
    written = keras.models.load_model(tmp_path / "less.keras").predict_on_batch(pixels)
    np.testing.assert_allclose(written, build(canonical).predict_on_batch(pixels) - 0.5, atol=1e-6)


def test_without_labels_it_is_a_logit_and_the_other_meaning_is_named(images: Images) -> None:
    canonical = net(0.1, 0.9)
    same, said = as_logit(canonical, replace(images, labels=None), value_range="0..1", pace=Pace())
    assert same is canonical
    assert "put keras.layers.Rescaling(1.0, offset=-0.5) behind the net" in (said or "")


def test_an_output_behind_a_sigmoid_is_left_alone(images: Images) -> None:
    canonical = net(-3, 2, keras.layers.Activation("sigmoid"))
    assert as_logit(canonical, images, value_range="auto", pace=Pace()) == (canonical, None)


def test_a_scan_is_prepared_with_the_meaning_that_fits_and_says_so(images: Images, tmp_path: Path) -> None:
    np.savez(tmp_path / "clean.npz", x_test=images.pixels, y_test=images.labels)
    found = prepare_scan(net(0.1, 0.9), tmp_path / "clean.npz", profile=PROFILES["fast"], value_range="0..1")
    assert found.preflight.clean_accuracy == 1
    assert any("parts the classes at 0.5" in warning for warning in found.preflight.warnings)
