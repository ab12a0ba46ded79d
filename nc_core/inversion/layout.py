"""How a trigger and an image lie in memory: flat rows, padded.

One row of parameters u holds the mask and then the pattern, each padded to a multiple of `ALIGN` floats, and an image
is one padded row as well. Without the padding, vectorised sums over a batch cross from one slot into the next, and the
last bit of a slot's gradient depends on its position among its neighbours (measured at 55x47x3).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

ALIGN = 64
EPSILON = 1e-7
"""tanh(u) / (2 - EPSILON) + 0.5 keeps mask and pattern strictly inside 0..1 (authors' code)."""
STEEPEST = 1.0 - 1e-6
"""Largest tanh(u) of parameters that are taken from a mask and a pattern."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """height, width, channels of an image; low and high (C,): the model's values of black and white."""

    height: int
    width: int
    channels: int
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]

    @property
    def pixels(self) -> int:
        """H * W."""
        return self.height * self.width

    @property
    def values(self) -> int:
        """H * W * C."""
        return self.pixels * self.channels

    @property
    def mask_row(self) -> int:
        """Floats of a padded mask."""
        return _padded(self.pixels)

    @property
    def image_row(self) -> int:
        """Floats of a padded image or pattern."""
        return _padded(self.values)

    @property
    def row(self) -> int:
        """Floats of one slot's parameters."""
        return self.mask_row + self.image_row

    def image_rows(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(n, H, W, C) -> (n, image_row)."""
        return np.pad(x.reshape(len(x), self.values), ((0, 0), (0, self.image_row - self.values)))

    def images(self, rows: Any) -> Any:
        """(n, image_row) -> (n, H, W, C)."""
        values = _columns(rows, 0, self.values)
        return ops.reshape(values, (-1, self.height, self.width, self.channels))

    def blend(self, u: Any) -> tuple[Any, Any, Any]:
        """Parameters u (K, row) -> keep (K, image_row) = 1 - m, paint (K, image_row) = m * p, norm (K,) = sum of m."""
        slots = ops.shape(u)[0]
        unit = ops.tanh(u) / (2.0 - EPSILON) + 0.5  # (K, row)
        mask = _columns(unit, 0, self.pixels)  # (K, H*W)
        spread = ops.broadcast_to(mask[:, :, None], (slots, self.pixels, self.channels))
        spread = ops.reshape(spread, (slots, self.values))
        spread = ops.pad(spread, ((0, 0), (0, self.image_row - self.values)))  # (K, image_row)
        low, span = self._range()
        pattern = low + span * _columns(unit, self.mask_row, self.image_row)  # (K, image_row)
        return 1.0 - spread, spread * pattern, ops.sum(mask, axis=1)

    def start(self, generator: np.random.Generator) -> npt.NDArray[np.float32]:
        """A random mask and a random pattern, uniform on 0..1, as parameters (row,)."""
        unit = generator.random(self.row)
        return np.arctanh((unit - 0.5) * (2.0 - EPSILON)).astype(np.float32)

    def parameters(self, mask: npt.NDArray[np.float32], pattern: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The inverse of `mask_and_pattern`; what lies at the very ends of the range is moved to where tanh still has
        a gradient in float32."""
        u = np.zeros(self.row)
        u[: self.pixels] = mask.reshape(-1)
        u[self.mask_row : self.mask_row + self.values] = ((pattern - self.low) / (self.high - self.low)).reshape(-1)
        bent = np.clip((u - 0.5) * (2.0 - EPSILON), -STEEPEST, STEEPEST)
        return np.arctanh(bent).astype(np.float32)

    def mask_and_pattern(self, u: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Parameters (row,) -> mask (H, W) in 0..1 and pattern (H, W, C) in the model's domain."""
        unit = np.clip(np.tanh(u.astype(np.float64)) / (2.0 - EPSILON) + 0.5, 0.0, 1.0)
        mask = unit[: self.pixels].reshape(self.height, self.width)
        pattern = unit[self.mask_row : self.mask_row + self.values].reshape(self.height, self.width, self.channels)
        pattern = self.low + (self.high - self.low) * pattern
        return mask.astype(np.float32), pattern.astype(np.float32)

    def _range(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        low = self.image_rows(np.broadcast_to(self.low, (1, self.height, self.width, self.channels)))[0]
        high = self.image_rows(np.broadcast_to(self.high, (1, self.height, self.width, self.channels)))[0]
        return low.astype(np.float32), (high - low).astype(np.float32)


def _columns(rows: Any, first: int, count: int) -> Any:
    """rows[:, first : first + count]; the gradient of an index is far slower in TensorFlow (7% of an update)."""
    return ops.slice(rows, (0, first), (ops.shape(rows)[0], count))


def _padded(length: int) -> int:
    return -(-length // ALIGN) * ALIGN
