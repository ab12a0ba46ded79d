"""Clean twins: the same architecture, fresh weights, taught by the clean data alone."""

import keras
import numpy as np
import pytest

from nc_core.datasets import CleanData, Images, split_images
from nc_core.datasets.domain import Domain
from nc_core.datasets.traffic_signs import draw_signs
from nc_core.errors import Cancelled, DataRefused
from nc_core.intake import CanonicalModel
from nc_core.models import build_logits, canonical_of
from nc_core.scanning.twins import train_twin

CLASSES = 3
DOMAIN = Domain(value_range="0..1", scale=(1 / 255,) * 3, offset=(0.0,) * 3)


def net(seed: int) -> CanonicalModel:
    keras.backend.clear_session()  # it counts the layers that have no name
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    body = [layers.Conv2D(16, 3, strides=2, use_bias=False), layers.BatchNormalization(), layers.ReLU()]
    body += [
        layers.DepthwiseConv2D(3, strides=2),
        layers.ReLU(),
        layers.Conv2D(16, 3),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dropout(0.2),
    ]
    model = keras.Sequential([layers.Input((32, 32, 3)), *body, layers.Dense(CLASSES, activation="softmax")])
    return canonical_of(model)


@pytest.fixture(scope="module")
def clean() -> CleanData:
    pixels, labels = draw_signs(120, 2)
    kept = labels < CLASSES
    images = Images(pixels=pixels[kept], labels=labels[kept], note="")
    return CleanData(images=images, split=split_images(len(images), 0))


def test_a_twin_learns_what_it_was_not_told_by_the_submitted_net(
    clean: CleanData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nc_core.scanning.twins.TWIN_UPDATES", 400)
    # Given a submitted net that knows nothing
    submitted = net(0)
    # When a twin of it is trained
    twin = train_twin(submitted, clean, DOMAIN, seed=4)
    # Then it has the same structure, and answers images that it has not seen
    assert [(layer.name, layer.kind) for layer in twin.layers] == [(each.name, each.kind) for each in submitted.layers]
    held = clean.split.holdout
    answers = build_logits(twin).predict(DOMAIN.to_model(clean.images.pixels[held]), verbose=0).argmax(axis=1)
    assert clean.images.labels is not None
    assert np.mean(answers == clean.images.labels[held]) > 0.8
    # And the submitted net's weights, a backdoor's among them, have no part in it; the seed has
    assert not net(1).equals(submitted)
    assert train_twin(net(1), clean, DOMAIN, seed=4).equals(twin)
    assert not train_twin(submitted, clean, DOMAIN, seed=5).equals(twin)


def test_what_cannot_teach_is_refused(clean: CleanData) -> None:
    unlabelled = CleanData(images=Images(pixels=clean.images.pixels, labels=None, note=""), split=clean.split)
    with pytest.raises(DataRefused, match="have no labels"):
        train_twin(net(0), unlabelled, DOMAIN, seed=0)
    few = CleanData(images=clean.images, split=split_images(60, 0))
    with pytest.raises(DataRefused, match="learn from 24 images, it takes 32"):
        train_twin(net(0), few, DOMAIN, seed=0)


def test_it_can_be_cancelled(clean: CleanData) -> None:
    with pytest.raises(Cancelled):
        train_twin(net(0), clean, DOMAIN, seed=0, should_stop=lambda: True)
