"""The two pixel domains: the file's (0..255) and the submitted model's own input domain."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Domain:
    """Maps file pixels p (0..255) to model input p * scale + offset, channel by channel.

    Blending a trigger, (1 - m) x + m p, commutes with such a map, so a trigger reversed in the model's domain is
    the trigger of the raw domain (Neural Cleanse blends in the raw domain) under the same map.

    scale, offset: (C,), the same for every pixel. value_range: the name of the candidate they came from.
    """

    value_range: str
    scale: tuple[float, ...]
    offset: tuple[float, ...]

    def to_model(self, pixels: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Pixels (..., H, W, C) in 0..255 -> float32 (..., H, W, C) in the model's input domain."""
        scale = np.asarray(self.scale, np.float32)
        return np.asarray(pixels, np.float32) * scale + np.asarray(self.offset, np.float32)

    def to_pixels(self, inputs: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """The inverse of `to_model`, clipped to 0..255."""
        offset = np.asarray(self.offset, np.float32)
        pixels = (np.asarray(inputs, np.float32) - offset) / np.asarray(self.scale, np.float32)
        return np.clip(pixels, 0.0, 255.0)

    @property
    def low(self) -> npt.NDArray[np.float32]:
        """(C,): the model's value of a black pixel."""
        return self.to_model(np.zeros(len(self.scale)))

    @property
    def high(self) -> npt.NDArray[np.float32]:
        """(C,): the model's value of a white pixel."""
        return self.to_model(np.full(len(self.scale), 255.0))
