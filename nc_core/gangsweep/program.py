"""The numerics of K generators at once: `SlotProgram` with a mask for every image."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from nc_core.gangsweep.layout import GeneratorLayout
from nc_core.inversion.program import SlotProgram, SlotState
from nc_core.profiles import Profile

LOOKED_AT = 64
"""Fitting images whose masks make up the common one."""


class SweepProgram(SlotProgram):
    """Advances K generators G by one step: min CE(f(x stamped with G(x)), y) + lambda * mean of sum|mask of x|.

    Schedule, gate and optimiser are those of `SlotProgram`; a norm is the mean over the images of a step.
    """

    def __init__(
        self,
        model: keras.Model,
        images: npt.NDArray[np.float32],
        *,
        layout: GeneratorLayout,
        profile: Profile,
        factor: float = 1.0,
    ) -> None:
        self.generator = layout
        self._seen = layout.thumbnails(images)
        self._thumbnails = ops.convert_to_tensor(self._seen)
        self.last: npt.NDArray[np.float32] | None = None
        """Parameters (row,) of the generator whose common mask was asked for last."""
        super().__init__(model, images, layout=layout, profile=profile, factor=factor)

    def kept(self, state: SlotState, slot: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """The common mask (H, W) and pattern (H, W, C) of the generator that was kept in one slot."""
        return self._common(np.asarray(state.kept_u[slot]))

    def current(self, state: SlotState, slot: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """The same of the generator as it stands."""
        return self._common(np.asarray(state.u[slot]))

    def masks(self, images: npt.NDArray[np.int64]) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
        """What the `last` generator makes of these fitting images: a mask (H, W) and a pattern (H, W, C) each."""
        assert self.last is not None
        return list(zip(*self.generator.masks(self.last, self._seen[images]), strict=True))

    def _common(self, u: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """The mean mask over images, and the mean of their patterns, each pixel weighted by the masks.

        Where masks differ, this mean is what they have in common, and works as far as they are alike.
        """
        self.last = u
        masks, patterns = self.generator.masks(u, self._seen[:LOOKED_AT])
        mean = masks.mean(axis=0)
        weighted = (masks[..., None] * patterns).mean(axis=0) / np.maximum(mean, 1e-6)[..., None]
        return mean, weighted.astype(np.float32)

    def _stamped(self, u: Any, images: Any, index: Any) -> tuple[Any, Any]:
        x, seen = self._batch(images, index), self._batch(self._thumbnails, index)
        keep, paint, norm = self.generator.blend_each(u, seen)
        return keep * x + paint, ops.mean(norm, axis=1)
