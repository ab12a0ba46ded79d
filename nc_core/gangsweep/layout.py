"""How a generator lies in memory: a row of parameters that begins with the common mask and pattern.

The generator of one slot is a bottleneck: a thumbnail of the image (GRID x GRID means) -> HIDDEN units -> what is
added, before tanh, to the common mask and pattern. With the added part at zero it is Neural Cleanse's trigger.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.inversion.layout import ALIGN, EPSILON, Layout

GRID = 6
HIDDEN = 8
GAIN = 0.2
"""Of the generator's weights: parameters are moved by one learning rate, that of masks, and a mask answers to the sum
of HIDDEN of them."""


@dataclass(frozen=True, kw_only=True)
class GeneratorLayout(Layout):
    """A `Layout` whose row holds a generator; it stamps each image of a batch with a mask of its own."""

    @property
    def common_row(self) -> int:
        """Floats of the common mask and pattern, padded."""
        return Layout.row.fget(self)  # type: ignore[attr-defined]

    @property
    def thumbnail(self) -> int:
        """Values of a thumbnail."""
        return GRID * GRID * self.channels

    @property
    def encoder_row(self) -> int:
        """Floats of thumbnail -> HIDDEN, padded."""
        return -(-self.thumbnail * HIDDEN // ALIGN) * ALIGN

    @property
    def row(self) -> int:
        """Floats of one slot's parameters: common part, encoder, and HIDDEN -> a row like the common one."""
        return self.common_row + self.encoder_row + HIDDEN * self.common_row

    def thumbnails(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Images (n, H, W, C) -> (n, GRID * GRID * C) in -1..1: means over a grid, what a generator sees."""
        rows, columns = (np.linspace(0, size, GRID + 1).astype(int)[:-1] for size in (self.height, self.width))
        sums = np.add.reduceat(np.add.reduceat(x, rows, axis=1), columns, axis=2)
        sizes = [np.diff([*starts, end]) for starts, end in ((rows, self.height), (columns, self.width))]
        means = sums / (sizes[0][:, None, None] * sizes[1][None, :, None])
        scaled = 2.0 * (means - self.low) / (self.high - self.low) - 1.0
        return scaled.reshape(len(x), -1).astype(np.float32)

    def blend_each(self, u: Any, seen: Any) -> tuple[Any, Any, Any]:
        """u (K, row), thumbnails (K, B, T) -> keep and paint (K, B, image_row), norm (K, B) of every image's mask."""
        slots, batch = ops.shape(seen)[0], seen.shape[1]
        common, encoder, decoder = self._split(u)
        hidden = ops.tanh(GAIN * ops.einsum("kbt,kth->kbh", seen, encoder))
        each = common[:, None, :] + GAIN * ops.einsum("kbh,khr->kbr", hidden, decoder)  # (K, B, common_row)
        keep, paint, norm = Layout.blend(self, ops.reshape(each, (-1, self.common_row)))
        shape = (slots, batch, self.image_row)
        return ops.reshape(keep, shape), ops.reshape(paint, shape), ops.reshape(norm, (slots, batch))

    def start(self, generator: np.random.Generator) -> npt.NDArray[np.float32]:
        """A random common part, as Neural Cleanse begins, and a random generator that adds little to it."""
        unit = generator.random(self.common_row)
        common = np.arctanh((unit - 0.5) * (2.0 - EPSILON))
        return np.concatenate([common, self._generator(generator)]).astype(np.float32)

    def parameters(self, mask: npt.NDArray[np.float32], pattern: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The common part as an earlier round left it, and a generator that begins anew."""
        common = Layout.parameters(self, mask, pattern)[: self.common_row]
        return np.concatenate([common, self._generator(np.random.default_rng(0))]).astype(np.float32)

    def masks(
        self, u: npt.NDArray[np.float32], seen: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """u (row,), thumbnails (n, T) -> masks (n, H, W) in 0..1 and patterns (n, H, W, C) in the model's domain."""
        common, encoder, decoder = (np.asarray(part)[0] for part in self._split(ops.convert_to_tensor(u[None])))
        each = common + GAIN * np.tanh(GAIN * seen @ encoder) @ decoder
        found = [self.mask_and_pattern(row) for row in each]
        return np.stack([mask for mask, _ in found]), np.stack([pattern for _, pattern in found])

    def _generator(self, generator: np.random.Generator) -> npt.NDArray[np.float64]:
        encoder = generator.normal(0.0, 1.0 / np.sqrt(self.thumbnail) / GAIN, self.encoder_row)
        return np.concatenate([encoder, np.zeros(HIDDEN * self.common_row)])

    def _split(self, u: Any) -> tuple[Any, Any, Any]:
        """u (K, row) -> common (K, common_row), encoder (K, T, HIDDEN), decoder (K, HIDDEN, common_row)."""
        common = u[:, : self.common_row]
        encoder = u[:, self.common_row : self.common_row + self.thumbnail * HIDDEN]
        decoder = u[:, self.common_row + self.encoder_row :]
        shape = (-1, HIDDEN, self.common_row)
        return common, ops.reshape(encoder, (-1, self.thumbnail, HIDDEN)), ops.reshape(decoder, shape)
