"""A net whose steps that let no gradient through get one: straight-through estimation, layer by layer.

What rounds its input, or is flat but for an edge, has no gradient to follow. Forward it stays what it is; backward it
counts as the straight line that fits it best on images (Bengio et al. 2013; BPDA, Athalye et al. 2018). What has a
gradient that is no number lets none through. Layers with a gradient of their own keep it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.inversion import backend
from nc_core.inversion.program import SIGHT
from nc_core.models.steps import Step, Walk, steps_of, taken

FLAT = 0.02
"""Share of a layer's values below which those with a slope are too few to follow; ReLUs have 5% and more."""
SLOPE = 1e-3
"""Of the slope of the best line: what is flatter counts as flat."""
VALUES = 50_000
"""Values of one layer that its line is fitted to, at most."""
KINDS = frozenset(
    {"Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Minimum", "Maximum"}
    | {"LayerNormalization", "GroupNormalization", "UnitNormalization"}
)
"""Steps that are looked at: they change values, each at its place."""
PIXELWISE = frozenset(
    {"Rescaling", "Normalization", "BatchNormalization", "PReLU", "Dropout", "GaussianNoise", "Dense"}
    | {"Add", "Subtract", "Multiply", "Average", "Concatenate"}
)
"""Other steps that keep pixels apart."""

Slopes = tuple[float, ...]
Matrix = tuple[tuple[float, ...], ...]


class StraightNet(Walk):
    """A net some of whose steps count backward as lines.

    slopes: by the step's output, one for each input; 0 lets no gradient through. bridges: by the step's output, (C, C')
    from the values of a pixel of the image to those of the same pixel there.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        input_shape: tuple[int | None, ...],
        *,
        slopes: Mapping[int, Slopes],
        bridges: Mapping[int, Matrix],
        copies: Sequence[tuple[Any, Any]] = (),
    ) -> None:
        super().__init__(steps, input_shape)
        self.lines = tuple(sorted(slopes.items())), tuple(sorted(bridges.items()))
        self._slopes, self._bridges = dict(slopes), dict(bridges)
        # In a plain attribute Keras would find the originals' weights too.
        self._copies: Callable[[], Sequence[tuple[Any, Any]]] = lambda: copies

    def follow(self) -> None:
        """Take the weights that the net has by now: layers with an activation of their own were copied."""
        for copy, original in self._copies():
            copy.set_weights(original.get_weights())

    def take(self, step: Step, values: Mapping[int, Any]) -> Any:
        """One step: forward to the last bit what it is."""
        found = super().take(step, values)
        if step.output in self._bridges:
            return ops.stop_gradient(found) + _nothing(values[0] @ np.array(self._bridges[step.output], np.float32))
        if step.output in self._slopes:
            lines = zip(self._slopes[step.output], step.inputs, strict=True)
            return sum((_nothing(slope * values[number]) for slope, number in lines), ops.stop_gradient(found))
        return found


def _nothing(line: Any) -> Any:
    """0 with the gradient of the line."""
    found = line - ops.stop_gradient(line)
    return ops.where(ops.isfinite(found), found, 0.0)


def straightened(model: keras.Model, images: npt.NDArray[np.float32]) -> StraightNet | None:
    """The net with lines where its layers are flat or broken on these images (n, H, W, C); None where none is.

    model: N outputs, no net among its layers.
    """
    plain = list(model.steps) if isinstance(model, Walk) else steps_of(model)
    steps = _unfused(plain)
    values: dict[int, Any] = {0: ops.convert_to_tensor(images)}
    slopes: dict[int, Slopes] = {}
    for step in steps:
        values[step.output] = taken(step, values)
        if type(step.layer).__name__ in KINDS:
            line = _line(step.layer, [values[number] for number in step.inputs], values[step.output])
            if line is not None:
                slopes[step.output] = line
    bridges = _bridges(steps, values)
    slopes = {output: line for output, line in slopes.items() if output not in bridges}
    if not slopes and not bridges:
        return None
    originals = {step.output: step.layer for step in plain}
    activations = {step.inputs[0]: step.output for step in steps if step.output in originals}
    copies = [(step.layer, originals[activations[step.output]]) for step in steps if step.output not in originals]
    return StraightNet(steps, model.input_shape, slopes=slopes, bridges=bridges, copies=copies)


def _bridges(steps: Sequence[Step], values: Mapping[int, Any]) -> dict[int, Matrix]:
    """Where the image's gradient has ended, of the steps that keep its pixels apart.

    Steps that are each as they should be may be flat together: a clip from above and one from below, a difference of
    two ramps. What comes last of such steps counts: a bridge to it lets nothing through to those before.
    """
    image = values[0]
    found: dict[int, Matrix] = {}
    apart = {0}
    for nth, step in enumerate(steps):
        if not any(number in apart for number in step.inputs) or not _keeps_apart(step):
            continue
        apart.add(step.output)
        y = np.asarray(values[step.output], np.float64)
        if np.isfinite(y).all() and np.ptp(y) > 0 and _alive(steps[: nth + 1], image, y.shape) < SIGHT:
            found[step.output] = _matrix(np.asarray(image, np.float64), y)
    return found


def _keeps_apart(step: Step) -> bool:
    """Whether a step's value at a pixel hangs on that pixel alone."""
    kind = type(step.layer).__name__
    narrow = kind in ("Conv2D", "DepthwiseConv2D") and step.layer.kernel_size == step.layer.strides == (1, 1)
    return len(step.shape) == len("nhwc") and (narrow or kind in KINDS | PIXELWISE)


def _alive(steps: Sequence[Step], image: Any, shape: tuple[int, ...]) -> float:
    """Share of the image's values that have a gradient of what the last of these steps makes."""

    def weighed(x: Any, weights: Any) -> tuple[Any, Any]:
        values = {0: x}
        for step in steps:
            if all(number in values for number in step.inputs):
                values[step.output] = taken(step, values)
        return ops.sum(values[steps[-1].output] * weights), ops.zeros(())

    found, _ = backend.gradient(weighed)(image, ops.convert_to_tensor(_signs(shape)))
    gradient = np.asarray(found)
    return float(np.mean(np.isfinite(gradient) & (gradient != 0)))


def _matrix(image: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Matrix:
    """(C, C'): least squares of a step's values at a pixel on those of the image there and a constant."""
    x, wanted = image.reshape(-1, image.shape[-1]), y.reshape(-1, y.shape[-1])
    chosen = np.random.default_rng(0).choice(len(x), min(VALUES, len(x)), replace=False)
    x, wanted = x[chosen] - x[chosen].mean(axis=0), wanted[chosen] - wanted[chosen].mean(axis=0)
    found, *_ = np.linalg.lstsq(x, wanted, rcond=1e-9)
    return tuple(tuple(map(float, row)) for row in found)


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
    if not all(np.isfinite(array).all() for array in (y, *arrays, *slopes)):
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
    found, _ = backend.gradient(weighed)(inputs[nth], ops.convert_to_tensor(_signs(shape)))
    return np.asarray(found)


def _signs(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Random signs, so that gradients of several values do not cancel."""
    return np.random.default_rng(0).choice([-1.0, 1.0], shape).astype(np.float32)


def _fitted(arrays: list[npt.NDArray[np.float64]], y: npt.NDArray[np.float64]) -> Slopes:
    """Least squares of y on the inputs and a constant; each input in units of its own spread, so that none is lost."""
    chosen = np.random.default_rng(0).choice(y.size, min(VALUES, y.size), replace=False)
    columns = [array.reshape(-1)[chosen] for array in arrays]
    spreads = [float(np.std(column)) or 1.0 for column in columns]
    scaled = [(column - column.mean()) / spread for column, spread in zip(columns, spreads, strict=True)]
    wanted = y.reshape(-1)[chosen]
    found, *_ = np.linalg.lstsq(np.stack(scaled, axis=1), wanted - wanted.mean(), rcond=1e-9)
    return tuple(float(slope / spread) for slope, spread in zip(found, spreads, strict=True))
