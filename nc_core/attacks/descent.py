"""Adam on the pixels of a trigger or of images, through a net."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.inversion import backend

RATE = 0.1
"""Learning rate of triggers and inversions."""

Floats = npt.NDArray[np.float32]


def descend(
    loss: Callable[[Any], tuple[Any, Any]], start: Floats, net: keras.Model, *, at: Sequence[int]
) -> list[Floats]:
    """Adam on an array, with the usual constants; the array after each number of steps in `at`.

    loss: of the array, with anything besides, by way of `net`.
    """
    gradient = backend.compiled(backend.gradient(loss), net=net)
    u: Any = start
    first: Any = np.zeros_like(start)
    second: Any = np.zeros_like(start)
    found = []
    for step in range(1, max(at) + 1):
        slope = np.asarray(gradient(ops.convert_to_tensor(u))[0])
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        u = u - RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        if step in at:
            found.append(u.astype(np.float32))
    return found


def sigmoid(u: Floats) -> Floats:
    """Any number -> 0..1."""
    return (1.0 / (1.0 + np.exp(-u))).astype(np.float32)
