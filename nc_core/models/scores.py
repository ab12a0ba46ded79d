"""A net's scores before functions at its end that keep their order: what an optimisation can see through.

A softmax of a softmax answers as the inner one does, and has no gradient where that is sure. Whatever is increasing and
treats all classes alike can be taken off likewise: the largest score stays the largest.
"""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops

from nc_core.models.steps import Step, Walk, steps_of

INCREASING = frozenset({"softmax", "sigmoid", "tanh", "softplus", "exponential"})
"""Activations that grow with their input and end in a plateau, or in infinity."""
PASSING = ("Flatten", "Reshape", "Dropout", "GaussianNoise", "GaussianDropout")
"""Layers that leave scores (n, N) as they are at inference."""


class Unactivated(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A Dense layer without its activation, with the same weights."""

    def __init__(self, dense: Any) -> None:
        super().__init__(dtype="float32")
        self.dense = dense
        self.built = True

    def call(self, x: Any) -> Any:
        """(n, M) -> (n, N)."""
        found = ops.matmul(x, self.dense.kernel)
        return found + self.dense.bias if self.dense.use_bias else found


def scores_of(model: keras.Model) -> tuple[keras.Model, tuple[str, ...]]:
    """The net without such functions, and their names from the last on; the net itself where it has none.

    model: N outputs (n, N).
    """
    steps, taken = steps_of(model), list[str]()
    while steps:
        last = steps[-1]
        if (name := _fused(last.layer)) is not None:
            taken.append(name)
            steps[-1] = replace(last, layer=Unactivated(last.layer))
        elif last.shape == model.output_shape and len(steps) > 1 and (name := _keeps_order(last)) is not None:
            taken.append(name)
            steps.pop()
        else:
            break
    names = tuple(name for name in taken if name in INCREASING)
    return (Walk(steps, model.input_shape), names) if names else (model, ())


def _fused(layer: Any) -> str | None:
    """The increasing activation that a Dense layer ends in."""
    named = _activation(layer) if isinstance(layer, keras.layers.Dense) else ""
    return named if named in INCREASING else None


def _keeps_order(step: Step) -> str | None:
    """The name of what a step of scores (n, N) does to them, None where it may change their order."""
    layer, kind = step.layer, type(step.layer).__name__
    if len(step.inputs) > 1:
        return None
    if kind == "Softmax":
        return "softmax"
    if kind == "Activation":
        return named if (named := _activation(layer)) in INCREASING or named == "linear" else None
    if kind == "Rescaling":
        return "a multiple" if np.size(layer.scale) == np.size(layer.offset) == 1 and np.all(layer.scale > 0) else None
    dense = layer.dense if kind == "Unactivated" else layer if kind == "Dense" else None
    if dense is not None:
        return "a multiple" if _is_multiple(dense) else None
    return "the same" if kind in PASSING else None


def _activation(layer: Any) -> str:
    return str(getattr(layer.activation, "__name__", ""))  # Keras' own serialisation would load TensorFlow


def _is_multiple(dense: Any) -> bool:
    """Whether a Dense layer without activation multiplies all scores by one positive number and adds one to all."""
    kernel = np.asarray(ops.convert_to_numpy(dense.kernel))
    bias = np.asarray(ops.convert_to_numpy(dense.bias)) if dense.use_bias else np.zeros(1)
    alike = kernel.shape[0] == kernel.shape[1] and kernel[0, 0] > 0
    return bool(alike and (kernel == kernel[0, 0] * np.eye(len(kernel))).all() and np.ptp(bias) == 0)
