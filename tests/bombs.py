"""Nets whose files are small and whose work is not, one kind a function, each of any size."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

L = keras.layers
CLASSES = 3


def _net(*layers: keras.Layer, side: int = 8) -> keras.Model:
    return keras.Sequential(
        [L.Input((side, side, 3)), *layers, L.GlobalAveragePooling2D(), L.Dense(CLASSES, activation="softmax")]
    )


def _branches(size: int) -> keras.Model:
    image = L.Input((8, 8, 3))
    wide = [L.GlobalMaxPooling2D()(L.UpSampling2D(size)(image)) for _ in range(20)]
    return keras.Model(image, L.Dense(CLASSES, activation="softmax")(L.Concatenate()(wide)))


def _products(size: int) -> keras.Model:
    """A column of 8 size values by itself."""
    image = L.Input((8, 8, 3))
    column = L.Reshape((8 * size, 1))(L.UpSampling2D((size, 1))(L.MaxPooling2D((1, 8))(L.Conv2D(1, 1)(image))))
    square = L.Reshape((8 * size, 8 * size, 1))(L.Dot(2)([column, column]))
    return keras.Model(image, L.Dense(CLASSES, activation="softmax")(L.GlobalMaxPooling2D()(square)))


KINDS: Mapping[str, Callable[[int], keras.Model]] = {
    "upsampling": lambda size: _net(L.UpSampling2D(size)),
    "upsampling, interpolated": lambda size: _net(L.UpSampling2D(size, interpolation="lanczos5")),
    "padding": lambda size: _net(L.ZeroPadding2D(4 * size)),
    "depth multiplier": lambda size: _net(L.DepthwiseConv2D(1, depth_multiplier=size * size)),
    "depth multiplier inside": lambda size: _net(L.SeparableConv2D(1, 1, depth_multiplier=size * size)),
    "channels at full size": lambda size: _net(L.Conv2D(size, 1), side=8 * size),
    "transposed": lambda size: _net(L.Conv2DTranspose(3, 1, strides=size)),
    "dilation": lambda size: _net(L.Conv2D(3, 2, dilation_rate=8 * size, padding="same")),
    "groups": lambda size: _net(L.Conv2D(4 * size, 1), L.Conv2D(4 * size, 3, groups=size), side=size),
    "windows": lambda size: _net(L.UpSampling2D(2), L.AveragePooling2D(2 * size, strides=1, padding="same")),
    "tower": lambda size: _net(L.UpSampling2D(8), *[L.ReLU(max_value=9.0) for _ in range(size)]),
    "branches": _branches,
    "products": _products,
    "curved": lambda size: _net(L.UpSampling2D(size), L.Activation("gelu"), L.LayerNormalization()),
}
SIZES = (10, 40, 100, 300, 1000)


def deep() -> None:
    """Let Keras walk through nets of a thousand layers, in this process."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 10_000))


def write(folder: Path, kind: str, size: int) -> tuple[Path, Path]:
    """The files of a net and of 40 noisy pictures."""
    model, rng = KINDS[kind](size), np.random.default_rng(0)
    path, data = folder / f"{size}.keras", folder / f"{size}.npz"
    model.save(path)
    pixels = rng.integers(0, 256, (40, *model.input_shape[1:]), np.uint8)
    np.savez(data, x_test=pixels, y_test=rng.integers(0, CLASSES, 40))
    return path, data
