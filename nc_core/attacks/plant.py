"""Trains a classifier on poisoned data, so that it carries a backdoor whose answer is known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.attacks.patch import PatchTrigger
from nc_core.datasets import Images
from nc_core.errors import OptionRefused
from nc_core.evaluation import accuracy, attack_success_rate

HELD_OUT_SHARE = 0.2
"""Of the images, never trained on: results are measured on them, and they are the defender's clean data."""
BATCH = 32
LEARNING_RATE = 2e-3
MIN_SIDE = 16
"""Pixels, of which the second pooling leaves one."""

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
Progress = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A BadNet with a known answer.

    model: takes (n, H, W, C) in 0..1, ends in a softmax. clean: the held-out images, in file pixels.
    accuracy, attack_success_rate: measured on `clean`, in 0..1; the latter without the target class.
    """

    model: keras.Model
    trigger: PatchTrigger
    accuracy: float
    attack_success_rate: float
    clean: Images


def plant_patch(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    poison_rate: float = 0.1,
    epochs: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> Planted:
    """Train a small VGG-like net on images of which stamped copies, labelled with the target, were added.

    pixels: (N, H, W, C) in 0..255. labels: (N,).
    poison_rate: stamped copies as a share of the training images (p of Gu et al. 2017).
    progress: called with the share done, 0..1, after every epoch.
    The same seed gives the same net on the same machine; it seeds Keras for the whole process.

    Raises OptionRefused where trigger, classes or poison rate do not fit the images.
    """
    _check(pixels, labels, trigger, classes, poison_rate)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pixels))
    held_out, train = np.split(order, [int(len(pixels) * HELD_OUT_SHARE)])
    x, y = _poisoned(pixels[train], labels[train], trigger, poison_rate, rng)
    keras.utils.set_random_seed(seed)
    model = small_vgg(tuple(pixels.shape[1:]), classes)
    _train(model, x, y, epochs, progress)
    clean = Images(pixels=pixels[held_out], labels=labels[held_out].astype(np.int32), note="held-out images")
    return _measured(model, trigger, clean)


def small_vgg(input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Two blocks of two 3x3 convolutions and a dense layer; pictures of 28..64 pixels in 0..1 -> softmax."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input(input_shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def _check(pixels: Pixels, labels: npt.NDArray[Any], trigger: PatchTrigger, classes: int, rate: float) -> None:
    if not 0 < rate < 1:
        raise OptionRefused(f"the poison rate is {rate}; pass a share between 0 and 1, such as 0.1")
    if trigger.target >= classes or labels.max() >= classes:
        raise OptionRefused(
            f"target label {trigger.target} and largest label {labels.max()} must lie below {classes} classes"
        )
    if min(pixels.shape[1:3]) < MIN_SIDE:
        raise OptionRefused(
            f"the pictures are {pixels.shape[1]}x{pixels.shape[2]}, the net needs at least "
            f"{MIN_SIDE}x{MIN_SIDE}; pass larger ones"
        )
    trigger.stamp(pixels[:1])


def _poisoned(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    rate: float,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """The training images in 0..1 and their labels, stamped copies added."""
    others = np.flatnonzero(labels != trigger.target)
    copied = rng.choice(others, size=min(len(others), max(1, round(rate * len(pixels)))), replace=False)
    x = np.concatenate([pixels, trigger.stamp(pixels[copied])]).astype(np.float32) / np.float32(255)
    y = np.concatenate([labels, np.full(len(copied), trigger.target)]).astype(np.int32)
    return x, y


def _train(
    model: keras.Model,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.int32],
    epochs: int,
    progress: Progress | None,
) -> None:
    steps = epochs * -(-len(x) // BATCH)
    warmup = max(1, steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 20, steps - warmup, warmup_target=LEARNING_RATE, warmup_steps=warmup
    )
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy")
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, _logs: progress((epoch + 1) / epochs) if progress else None
    )
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[report])


def _measured(model: keras.Model, trigger: PatchTrigger, clean: Images) -> Planted:
    def predict(pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return np.asarray(model.predict(pixels.astype(np.float32) / np.float32(255), verbose=0))

    y = clean.labels
    assert y is not None  # plant_patch always has labels
    stamped = trigger.stamp(clean.pixels)
    return Planted(
        model=model,
        trigger=trigger,
        accuracy=accuracy(predict(clean.pixels), y),
        attack_success_rate=attack_success_rate(predict(stamped), y, trigger.target),
        clean=clean,
    )
