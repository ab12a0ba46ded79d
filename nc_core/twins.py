"""Twins: nets of a model's own architecture, trained afresh on its clean data; clean by their making."""

from collections.abc import Callable

import keras
import numpy as np

from nc_core.datasets import CleanData
from nc_core.domain import Domain
from nc_core.errors import OptionRefused
from nc_core.intake import CanonicalModel
from nc_core.models import build_logits, with_weights

EPOCHS = 20
BATCH = 32


def train_twin(
    canonical: CanonicalModel,
    clean: CleanData,
    domain: Domain,
    *,
    seed: int,
    progress: Callable[[float], None] | None = None,
) -> CanonicalModel:
    """The same architecture with fresh weights, trained on the labels of the fit and the repair part.

    seed: of the weights and of the order of images. progress: told the done share, 0..1. Raises OptionRefused where
    the data have no labels.
    """
    if clean.images.labels is None:
        raise OptionRefused("twins learn from the labels of the clean data, and these have none: pass labelled data")
    rows = np.concatenate([clean.split.fit, clean.split.repair])
    x, y = domain.to_model(clean.images.pixels[rows]), clean.images.labels[rows]
    net = build_logits(canonical)
    _refresh(net, seed)
    net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    generator = np.random.default_rng([seed, 0x7717])
    for epoch in range(EPOCHS):
        order = generator.permutation(len(rows))
        for first in range(0, len(rows), BATCH):
            some = order[first : first + BATCH]
            net.train_on_batch(x[some], y[some])
        if progress is not None:
            progress((epoch + 1) / EPOCHS)
    return with_weights(canonical, net)


def _refresh(net: keras.Model, seed: int) -> None:
    """Weights as Keras' layers begin with them."""
    for number, variable in enumerate(net.weights):
        if len(variable.shape) > 1:
            variable.assign(keras.initializers.GlorotUniform(seed=seed + 1000 * number)(variable.shape))
        elif variable.name in ("gamma", "moving_variance"):
            variable.assign(np.ones(variable.shape, np.float32))
