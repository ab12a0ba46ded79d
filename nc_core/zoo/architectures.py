"""The nets of the zoo: small enough to train in about a minute on one core, for pictures of 28 to 64 pixels.

Each has the layers that attacks on a net's inside look for (see `nc_core.attacks.training.Architecture`) where it can:
a net with batch normalisation right after its last convolution has no `LAST_CONVOLUTION`.
"""

from collections.abc import Mapping
from typing import Any

import keras

from nc_core.attacks.training import INNER, LAST_CONVOLUTION, Architecture, small_vgg

Shape = tuple[int, ...]


def vgg(input_shape: Shape, classes: int) -> keras.Model:
    """Three blocks of two 3x3 convolutions, each with batch normalisation (VGG: Simonyan and Zisserman 2015)."""
    layers = keras.layers
    body: list[Any] = []
    for width in (16, 32, 64):
        for _ in range(2):
            body += [layers.Conv2D(width, 3, padding="same", use_bias=False), layers.BatchNormalization()]
            body.append(layers.ReLU())
        body.append(layers.MaxPooling2D())
    head = [layers.Flatten(), layers.Dense(128, "relu", name=INNER), layers.Dropout(0.3)]
    return keras.Sequential([layers.Input(input_shape), *body, *head, layers.Dense(classes, activation="softmax")])


def residual(input_shape: Shape, classes: int) -> keras.Model:
    """A convolution and three residual blocks with batch normalisation (He et al. 2016), then the mean of each
    channel."""
    layers = keras.layers
    picture = layers.Input(input_shape)
    x = _normalised(picture, 16, 1)
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        inside = _normalised(x, width, stride)
        inside = layers.Conv2D(width, 3, padding="same", use_bias=False)(inside)
        inside = layers.BatchNormalization()(inside)
        if stride != 1:
            x = layers.Conv2D(width, 1, strides=stride, use_bias=False)(x)
            x = layers.BatchNormalization()(x)
        x = layers.ReLU()(layers.Add()([x, inside]))
    x = layers.GlobalAveragePooling2D(name=INNER)(x)
    return keras.Model(picture, layers.Dense(classes, activation="softmax")(x))


def _normalised(x: Any, width: int, stride: int) -> Any:
    layers = keras.layers
    x = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def depthwise(input_shape: Shape, classes: int) -> keras.Model:
    """Depthwise separable convolutions with batch normalisation (MobileNet: Howard et al. 2017); the last one has a
    bias in its place."""
    layers = keras.layers
    body: list[Any] = [layers.Conv2D(24, 3, strides=1, padding="same", use_bias=False), layers.BatchNormalization()]
    body.append(layers.ReLU())
    for width in (32, 64):
        body += [layers.DepthwiseConv2D(3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU()]
        body += [layers.Conv2D(width, 1, use_bias=False), layers.BatchNormalization(), layers.ReLU()]
        body.append(layers.MaxPooling2D())
    body += [layers.DepthwiseConv2D(3, padding="same", use_bias=False), layers.BatchNormalization(), layers.ReLU()]
    body += [layers.Conv2D(64, 1, activation="relu", name=LAST_CONVOLUTION), layers.MaxPooling2D()]
    head = [layers.Flatten(), layers.Dense(128, "relu", name=INNER), layers.Dropout(0.3)]
    return keras.Sequential([layers.Input(input_shape), *body, *head, layers.Dense(classes, activation="softmax")])


ARCHITECTURES: Mapping[str, Architecture] = {
    "plain": small_vgg,
    "vgg": vgg,
    "residual": residual,
    "depthwise": depthwise,
}
"""Name on a card -> what builds it."""
