"""The nets that backdoors are planted in, and how they are trained."""

from collections.abc import Callable
from typing import Any, TypedDict

import keras
import numpy as np
import numpy.typing as npt

from nc_core.errors import OptionRefused

HELD_OUT_SHARE = 0.2
"""Of the images, never trained on: results are measured on them, and they are the defender's clean data."""
BATCH = 32
LEARNING_RATE = 2e-3
EPOCHS = 10
MIN_SIDE = 16
"""Pixels, of which the second pooling leaves one."""
LAST_CONVOLUTION, INNER = "last_convolution", "inner"
"""Names of the layers that attacks on a net's inside look for: its last convolution, and the dense layer before the
scores."""

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
Progress = Callable[[float], None]
Architecture = Callable[[tuple[int, ...], int], keras.Model]
"""(H, W, C), classes -> an untrained net from pictures in 0..1 to a softmax; attacks on a net's inside look for its
`LAST_CONVOLUTION` (one with a bias and a ReLU of its own) and its `INNER` layer."""


class Training(TypedDict, total=False):
    """What every attack takes besides its own settings.

    epochs: of each training. seed: of every random choice; it seeds Keras for the whole process. progress: called with
    the share done, 0..1. build: makes the net.
    """

    epochs: int
    seed: int
    progress: Progress | None
    build: Architecture


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
            layers.Conv2D(64, 3, activation="relu", name=LAST_CONVOLUTION),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu", name=INNER),
            layers.Dropout(0.3),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def check_images(pixels: Pixels, labels: npt.NDArray[Any], *, classes: int) -> None:
    """Raise OptionRefused where the net cannot learn these classes from these pictures."""
    if labels.max() >= classes:
        raise OptionRefused(f"the largest label {labels.max()} must lie below {classes} classes")
    if min(pixels.shape[1:3]) < MIN_SIDE:
        raise OptionRefused(
            f"the pictures are {pixels.shape[1]}x{pixels.shape[2]}, the net needs at least "
            f"{MIN_SIDE}x{MIN_SIDE}; pass larger ones"
        )


def held_out(count: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of the images that are kept back, and of those that are trained on."""
    first, second = np.split(rng.permutation(count), [int(count * HELD_OUT_SHARE)])
    return first, second


def unit(pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """File pixels in 0..255 -> 0..1, what the nets take."""
    return np.asarray(pixels, np.float32) / np.float32(255)


def train(
    model: keras.Model,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.int32],
    *,
    epochs: int,
    learning_rate: float = LEARNING_RATE,
    progress: Progress | None = None,
) -> None:
    """Train all layers that are trainable on x (n, H, W, C) in 0..1 and y (n,); a rate that rises, then falls."""
    steps = epochs * -(-len(x) // BATCH)
    warmup = max(1, steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        learning_rate / 20, max(1, steps - warmup), warmup_target=learning_rate, warmup_steps=warmup
    )
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy")
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, _logs: progress((epoch + 1) / epochs) if progress else None
    )
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[report])


def part_of(progress: Progress | None, first: float, last: float) -> Progress | None:
    """`progress` for a piece of work that is its share from `first` to `last`."""
    return None if progress is None else lambda done: progress(first + (last - first) * done)
