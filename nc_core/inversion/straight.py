"""A net whose steps that let no gradient through get one: straight-through estimation, layer by layer.

What rounds its input, or is flat but for an edge, has no gradient to follow. Forward it stays what it is; backward it
counts as the straight line that fits it best on images (Bengio et al. 2013; BPDA, Athalye et al. 2018). What has a
gradient that is no number lets none through. Layers with a gradient of their own keep it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.inversion import backend
from nc_core.models.steps import Step, Walk, steps_of

FLAT = 0.02
"""Share of a layer's values below which those with a slope are too few to follow; ReLUs have 5% and more."""
SLOPE = 1e-3
"""Of the slope of the best line: what is flatter counts as flat."""
VALUES = 50_000
"""Values of one layer that its line is fitted to, at most."""
KINDS = frozenset({"Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "LayerNormalization", "Minimum", "Maximum"})
"""Steps that are looked at: they change values, each at its place."""

Slopes = tuple[float, ...]


class StraightNet(Walk):
    """A net some of whose steps count backward as lines.

    slopes: by the step's output, one for each input; 0 lets no gradient through.
    """

    def __init__(
        self, steps: Sequence[Step], input_shape: tuple[int | None, ...], slopes: Mapping[int, Slopes]
    ) -> None:
        super().__init__(steps, input_shape)
        self.slopes = dict(slopes)

    def take(self, step: Step, inputs: list[Any]) -> Any:
        """One step: forward to the last bit what it is."""
        found = super().take(step, inputs)
        if step.output not in self.slopes:
            return found
        found = ops.stop_gradient(found)
        for slope, value in zip(self.slopes[step.output], inputs, strict=False):
            line = slope * (value - ops.stop_gradient(value))
            found = found + ops.where(ops.isfinite(line), line, 0.0)
        return found


def straightened(model: keras.Model, images: npt.NDArray[np.float32]) -> StraightNet | None:
    """The net with lines where its layers are flat or broken on these images (n, H, W, C); None where none is.

    model: N outputs, no net among its layers.
    """
    steps = _unfused(steps_of(model) if not isinstance(model, Walk) else list(model.steps))
    values: dict[int, Any] = {0: ops.convert_to_tensor(images)}
    slopes: dict[int, Slopes] = {}
    for step in steps:
        inputs = [values[number] for number in step.inputs]
        values[step.output] = step.layer(inputs if len(inputs) > 1 else inputs[0], training=False)
        if type(step.layer).__name__ in KINDS:
            line = _line(step.layer, inputs, values[step.output])
            if line is not None:
                slopes[step.output] = line
    return StraightNet(steps, model.input_shape, slopes) if slopes else None


def _unfused(steps: Sequence[Step]) -> list[Step]:
    """Layers with an activation of their own as two steps, on copies without it; shared layers as they are."""
    found: list[Step] = []
    last = max(step.output for step in steps)
    for step in steps:
        named = getattr(step.layer, "activation", None)
        plain = type(step.layer).__name__ == "Activation" or len(step.layer._inbound_nodes) > 1
        if named is None or plain or getattr(named, "__name__", "") == "linear":
            found.append(step)
            continue
        last += 1
        found.append(replace(step, layer=_linear(step), output=last))
        activation = keras.layers.Activation(named, dtype="float32")
        found.append(replace(step, layer=activation, inputs=(last,)))
    return found


def _linear(step: Step) -> Any:
    layer = type(step.layer).from_config({**step.layer.get_config(), "activation": "linear"})
    layer.build(step.shape)
    layer.set_weights(step.layer.get_weights())
    return layer


def _line(layer: Any, inputs: list[Any], output: Any) -> Slopes | None:
    """The slopes of the line for a step, zeros for one that lets nothing through, None for one that is as it should."""
    y = np.asarray(output, np.float64)
    arrays = [np.broadcast_to(np.asarray(value, np.float64), y.shape) for value in inputs]
    slopes = [_gradient(layer, inputs, nth) for nth in range(len(inputs))]
    if not np.isfinite(y).all() or not all(np.isfinite(slope).all() for slope in slopes):
        return (0.0,) * len(inputs)
    if np.ptp(y) == 0:
        return None
    fitted = _fitted(arrays, y)
    moving = [nth for nth, array in enumerate(arrays) if np.ptp(array) > 0 and fitted[nth] != 0]
    alive = max((float(np.mean(np.abs(slopes[nth]) > SLOPE * abs(fitted[nth]))) for nth in moving), default=1.0)
    return fitted if alive < FLAT else None


def _gradient(layer: Any, inputs: list[Any], nth: int) -> npt.NDArray[Any]:
    """Of a step's output, each value by itself, at its nth input."""

    def weighed(value: Any, weights: Any) -> tuple[Any, Any]:
        given = [*inputs[:nth], value, *inputs[nth + 1 :]]
        return ops.sum(layer(given if len(given) > 1 else given[0], training=False) * weights), ops.zeros(())

    shape = np.broadcast_shapes(*(tuple(value.shape) for value in inputs))
    weights = np.random.default_rng(0).choice([-1.0, 1.0], shape).astype(np.float32)
    found, _ = backend.gradient(weighed)(inputs[nth], ops.convert_to_tensor(weights))
    return np.asarray(found)


def _fitted(arrays: list[npt.NDArray[np.float64]], y: npt.NDArray[np.float64]) -> Slopes:
    """Least squares of y on the inputs and a constant; each input in units of its own spread, so that none is lost."""
    chosen = np.random.default_rng(0).choice(y.size, min(VALUES, y.size), replace=False)
    columns = [array.reshape(-1)[chosen] for array in arrays]
    spreads = [float(np.std(column)) or 1.0 for column in columns]
    scaled = [(column - column.mean()) / spread for column, spread in zip(columns, spreads, strict=True)]
    wanted = y.reshape(-1)[chosen]
    found, *_ = np.linalg.lstsq(np.stack(scaled, axis=1), wanted - wanted.mean(), rcond=1e-9)
    return tuple(float(slope / spread) for slope, spread in zip(found, spreads, strict=True))
