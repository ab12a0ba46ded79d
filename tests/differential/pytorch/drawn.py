"""Weights and images that follow from their names alone, so that PyTorch and this project can be given the same."""

from math import prod
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

IMAGES = 2


def weights(name: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """The array of a state dict; values stay of the same size from layer to layer."""
    chance = np.random.default_rng(crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.array(3, np.int64)
    if len(shape) > 1:
        return (chance.standard_normal(shape, np.float32) * np.sqrt(2 / prod(shape[1:]))).astype(np.float32)
    if name.endswith(("weight", "running_var")):
        return chance.uniform(0.5, 1.5, shape).astype(np.float32)
    return chance.normal(0, 0.1, shape).astype(np.float32)


def images(channels: int, height: int, width: int, count: int = IMAGES) -> npt.NDArray[np.float32]:
    """(count, channels, height, width)."""
    return np.random.default_rng(height).normal(0, 1, (count, channels, height, width)).astype(np.float32)
