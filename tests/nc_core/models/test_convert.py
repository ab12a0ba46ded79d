"""Nets of our own back into the canonical form."""

from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.errors import ModelRefused
from nc_core.models import activation_floats, build, build_logits, canonical_of, with_weights

L = keras.layers


def binary():
    return keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            L.Normalization(name="scale"),
            L.Conv2D(4, 3, use_bias=False, name="conv"),
            L.BatchNormalization(name="norm"),
            L.GlobalAveragePooling2D(),
            L.Dropout(0.5),
            L.Dense(1, activation="sigmoid", name="answer"),
        ]
    )


def test_the_canonical_form_of_a_built_net_is_the_one_it_was_built_from(shake, tmp_path: Path):
    first = canonical_of(shake(binary()))
    assert canonical_of(build(first)).save(tmp_path / "second") == first.save(tmp_path / "first")


def test_fine_tuned_weights_come_back_under_the_original_head(shake):
    # Given a net with one sigmoid, whose logits form has two outputs
    canonical = canonical_of(shake(binary()))
    model = build_logits(canonical)
    images = np.random.default_rng(0).random((8, 6, 6, 3), dtype=np.float32)
    # When the logits form is trained
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(images, np.arange(8) % 2)
    tuned = with_weights(canonical, model)
    # Then every trained array changed, moments included, and the tuned net answers as what was trained
    assert tuned.head == "single-sigmoid"
    changed = {key for key in tuned.weights if not np.array_equal(tuned.weights[key], canonical.weights[key])}
    assert changed == set(canonical.weights) - {"scale/mean", "scale/variance"}
    pair = model.predict_on_batch(images)
    np.testing.assert_allclose(build(tuned).predict_on_batch(images)[:, 0], 1 / (1 + np.exp(-pair[:, 1])), atol=1e-6)


def test_weights_of_another_net_are_not_taken(shake):
    canonical = canonical_of(shake(binary()))
    image = keras.Input((6, 6, 3))
    with pytest.raises(ValueError, match="No such layer: scale"):
        with_weights(canonical, keras.Model(image, L.Flatten()(image)))


def test_training_does_not_reach_the_canonical_model(shake):
    canonical = canonical_of(shake(binary()))
    before = {key: array.copy() for key, array in canonical.weights.items()}
    model = build(canonical)
    for variable in model.weights:
        variable.assign(variable * 0)
    for key, array in before.items():
        np.testing.assert_array_equal(canonical.weights[key], array)


def test_a_net_that_is_no_classifier_is_refused_here_too():
    image = keras.Input((6, 6, 3))
    with pytest.raises(ModelRefused, match="no classifier"):
        canonical_of(keras.Model(image, L.Dense(2, activation="tanh")(L.Flatten()(image))))


def test_activations_are_counted_once_a_call_through_nested_models():
    # Given an image of 6x6x3, a convolution to 4x4x2 in a model that is called twice, and an output of 2
    inner = keras.Sequential([keras.Input((6, 6, 3)), L.Conv2D(2, 3)])
    image = keras.Input((6, 6, 3))
    both = L.Add()([inner(image), inner(image)])
    model = keras.Model(image, L.Dense(2)(L.Flatten()(both)))
    # Then its activations are the image, two convolutions, their sum, the same flat, and the output
    assert activation_floats(build(canonical_of(model))) == 108 + 2 * 32 + 32 + 32 + 2
