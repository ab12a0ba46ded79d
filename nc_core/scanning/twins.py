"""Clean twins of a submitted net: its architecture with fresh weights, trained on labelled clean images.

What a clean net of this architecture and these data scans like, nobody can say better than such a net. A twin learns
from the repair part alone, so that its triggers are fitted to images and measured on images that it has not seen, as
the submitted net's are.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.datasets import CleanData
from nc_core.datasets.domain import Domain
from nc_core.errors import Cancelled, DataRefused
from nc_core.intake import CanonicalModel, Layer
from nc_core.models import build_logits, with_weights

UPDATES, BATCH = 600, 32
LEARNING_RATE = 2e-3
SHIFT = 2
"""Pixels that an image is moved by at most, another way in each update: a few hundred images are learned by heart."""
LEAST_IMAGES = 32
ONES = frozenset({"gamma", "moving_variance"})
POLL = 8
"""Updates between two looks at whether to stop."""
GIVEN = ("Normalization",)
"""Layers whose arrays are no weights that a training finds: statistics of the data, set beforehand."""


def train_twin(
    canonical: CanonicalModel,
    clean: CleanData,
    domain: Domain,
    *,
    seed: int,
    progress: Callable[[float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> CanonicalModel:
    """A net of the same architecture that learned the clean data's labels; everything random follows from the seed.

    domain: that the net is to take images in. Raises DataRefused where the images have no labels or are too few to
    learn from, Cancelled when `should_stop` says so.
    """
    labels, part = clean.images.labels, clean.split.repair
    if labels is None:
        raise DataRefused("the clean images have no labels: a twin learns from labels, pass such a file or no --twins")
    if len(part) < LEAST_IMAGES:
        raise DataRefused(
            f"a twin would learn from {len(part)} images, it takes {LEAST_IMAGES}: pass more clean images or no --twins"
        )
    generator = np.random.default_rng([seed, 0x7319])
    net = build_logits(_fresh(canonical, generator))
    _compile(net, seed)
    for update in range(UPDATES):
        if update % POLL == 0:
            if should_stop is not None and should_stop():
                raise Cancelled("the training of a twin was cancelled")
            if progress is not None:
                progress(update / UPDATES)
        chosen = part[generator.integers(0, len(part), BATCH)]
        images = domain.to_model(_moved(clean.images.pixels[chosen], generator))
        net.train_on_batch(images, labels[chosen])
    return with_weights(canonical, net)


def _fresh(canonical: CanonicalModel, generator: np.random.Generator) -> CanonicalModel:
    """Kernels uniform as Glorot and Bengio 2010 (section 4.2.1) draw them, gains and variances 1, everything else 0."""
    weights = dict(canonical.weights)
    for layer in canonical.layers:
        if layer.kind not in GIVEN:
            weights |= {key: _drawn(key, canonical.weights[key], layer, generator) for key in layer.weights}
    return replace(canonical, weights=weights)


def _drawn(
    key: str, array: npt.NDArray[np.float32], layer: Layer, generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    name = key.rsplit("/", 1)[-1]
    if name in ONES:
        return np.ones_like(array)
    if "kernel" not in name:
        return np.zeros_like(array)
    field = int(np.prod(array.shape[:-2]))
    # A depthwise kernel makes each of its outputs from one channel.
    alone = "depthwise" in name or layer.kind == "DepthwiseConv2D"
    fan_in, fan_out = field * (1 if alone else array.shape[-2]), field * array.shape[-1]
    limit = np.sqrt(6.0 / (fan_in + fan_out))
    return generator.uniform(-limit, limit, array.shape).astype(np.float32)


def _compile(net: keras.Model, seed: int) -> None:
    """Compile with a rate that rises, then falls; seed dropout."""
    for nth, layer in enumerate(net.layers):
        if isinstance(drawn := getattr(layer, "seed_generator", None), keras.random.SeedGenerator):
            drawn.state.assign([seed % 2**32, nth])
    warmup = UPDATES // 10
    rate: Any = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 20, UPDATES - warmup, warmup_target=LEARNING_RATE, warmup_steps=warmup
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(optimizer=keras.optimizers.Adam(rate), loss=loss)


def _moved(pixels: npt.NDArray[Any], generator: np.random.Generator) -> npt.NDArray[Any]:
    """Images (n, H, W, C), all moved the same way, their edges repeated."""
    height, width = pixels.shape[1:3]
    wide = np.pad(pixels, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    down, right = generator.integers(0, 2 * SHIFT + 1, 2)
    return wide[:, down : down + height, right : right + width]


def architecture_of(model: CanonicalModel) -> CanonicalModel:
    """The same net with all weights zero and its layers named by their place.

    Nets that were trained one after another in one process differ in the names that Keras gives their layers, and in
    nothing else: here they are one.
    """
    names = [f"layer_{number}" for number in range(len(model.layers))]
    layers, weights = [], {}
    for name, layer in zip(names, model.layers, strict=True):
        keys = [f"{name}/{key.removeprefix(f'{layer.name}/')}" for key in layer.weights]
        for key, old in zip(keys, layer.weights, strict=True):
            array = model.weights[old]
            weights[key] = array if layer.kind in GIVEN else np.zeros_like(array)
        layers.append(replace(layer, name=name, weights=tuple(keys)))
    return replace(model, layers=tuple(layers), weights=weights)
