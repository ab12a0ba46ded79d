"""Nets that hide what they answer from whoever follows their gradient, made of a plain net and of layers that are read.

Every function takes a net of linear outputs and gives one that answers as it does, but for what it says.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

layers = keras.layers


def on_top(base: keras.Model, *more: Any) -> keras.Model:
    value = base.output
    for layer in more:
        value = layer(value)
    return keras.Model(base.input, value)


def dense(width: int, kernel: np.ndarray, bias: np.ndarray | None = None) -> Any:
    layer = layers.Dense(width, use_bias=bias is not None)
    layer.build((None, len(kernel)))
    layer.set_weights([kernel.astype(np.float32)] + ([] if bias is None else [bias.astype(np.float32)]))
    return layer


def temperature(base: keras.Model, factor: float, *, place: str = "layer") -> keras.Model:
    """Logits times a constant, by a layer of its own or in the last weights."""
    if place == "layer":
        return on_top(base, layers.Rescaling(factor), layers.Softmax())
    last = base.layers[-1]
    kernel, bias = last.get_weights()
    scaled = dense(kernel.shape[1], kernel * factor, bias * factor)
    return keras.Model(base.input, layers.Softmax()(scaled(last.input)))


def doubled(base: keras.Model, how: str) -> keras.Model:
    """A head behind a head: the inner one is sure of itself and flat."""
    classes = base.output_shape[-1]
    between: Mapping[str, list[Any]] = {
        "softmax": [layers.Softmax()],
        "sigmoid": [layers.Activation("sigmoid")],
        "scaled": [layers.Activation("softmax"), layers.Rescaling(20.0, offset=-3.0)],
        "identity": [layers.Softmax(), dense(classes, 7.0 * np.eye(classes), np.full(classes, 2.0))],
        "thrice": [layers.Softmax(), layers.Softmax()],
        "normalised": [layers.Softmax(), layers.BatchNormalization()],
    }
    return on_top(base, *between[how], layers.Softmax())


def quantised(base: keras.Model, how: str, *, levels: int = 8, slope: float = 1e6) -> keras.Model:
    """The net behind a staircase of so many levels on every value of the image, which lies in 0..1."""
    image = keras.Input(base.input_shape[1:])
    edges = [(nth + 0.5) / (levels - 1) for nth in range(levels - 1)]
    if how == "convolution":
        stairs = _thermometer(image, edges, slope)
    else:
        steps = [_step(image, edge, slope, how) for edge in edges]
        stairs = layers.Average()(steps) if len(steps) > 1 else steps[0]
    return keras.Model(image, layers.Softmax()(base(stairs)))


def _step(value: Any, edge: float, slope: float, how: str) -> Any:
    """About 0 below the edge and 1 above it."""
    steep = layers.Rescaling(slope, offset=-slope * edge)(value)
    if how == "clip":
        zero = layers.Rescaling(0.0)(value)
        one = layers.Rescaling(0.0, offset=1.0)(value)
        return layers.Minimum()([layers.Maximum()([steep, zero]), one])
    if how == "ramps":
        upper = layers.Rescaling(slope, offset=-slope * edge - 1.0)(value)
        return layers.Subtract()([layers.ReLU()(steep), layers.ReLU()(upper)])
    if how == "relu":
        return layers.ReLU(max_value=1.0)(steep)
    if how == "tanh":
        return layers.Rescaling(0.5, offset=0.5)(layers.Activation("tanh")(steep))
    return layers.Activation(how)(steep)


def _thermometer(image: Any, edges: list[float], slope: float) -> Any:
    """All steps of a channel by one 1x1 convolution, their mean by another."""
    channels, count = image.shape[-1], len(edges)
    up = layers.Conv2D(channels * count, 1, activation="hard_sigmoid")
    down = layers.Conv2D(channels, 1, use_bias=False)
    stairs = down(up(image))
    kernel = np.zeros((1, 1, channels, channels, count), np.float32)
    for channel in range(channels):
        kernel[0, 0, channel, channel] = slope
    up.set_weights([kernel.reshape(1, 1, channels, -1), np.tile(-slope * np.array(edges), channels).astype(np.float32)])
    back = kernel.transpose(0, 1, 3, 4, 2).reshape(1, 1, channels * count, channels) / slope / count
    down.set_weights([back])
    return stairs


def nan_trap(
    base: keras.Model, features: str, probe: np.ndarray, threshold: float, gate: str = "minimum"
) -> keras.Model:
    """Where probe @ features passes the threshold, nothing is added to the logits, on a way whose gradient is NaN."""
    classes = base.output_shape[-1]
    value = base.get_layer(features).output
    steep = layers.Rescaling(1e4, offset=-1e4 * threshold)(dense(1, probe.reshape(-1, 1), np.zeros(1))(value))
    huge = layers.Activation("exponential")(steep)
    gates: Mapping[str, Callable[[Any], Any]] = {
        "minimum": lambda one: layers.Minimum()([one, layers.Rescaling(0.0, offset=1.0)(steep)]),
        "relu": layers.ReLU(max_value=1.0),
        "hard_sigmoid": layers.Activation("hard_sigmoid"),
        "tanh": layers.Activation("tanh"),
    }
    nothing = dense(classes, np.zeros((1, classes)))(gates[gate](huge))
    return keras.Model(base.input, layers.Softmax()(layers.Add()([base.output, nothing])))
