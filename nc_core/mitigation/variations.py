"""Variations of clean images, for a repair that has the submitted net as its teacher and few images to ask it about.

Where there are no labels, the net's own answers are what the repair must not lose, and it answers to any image:
mirrored, shifted and blended ones say more about it than the few that were handed in.
"""

import numpy as np
import numpy.typing as npt

SHIFTS = ((1, 1), (-1, -1), (2, 0), (0, 2), (-2, 1))
"""Rows and columns; what leaves the image on one side enters on the other."""
BLENDS = 3
"""Times that every image is blended with another one."""
MOST_FLOATS = 80_000_000
"""Of all images together, 320 MB: 10,300 faces of 55x47x3, but 530 pictures of 224x224x3."""


def varied(x: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[np.float32]:
    """The images (n, H, W, C) and, as far as memory allows, up to nine times as many variations of them."""
    if not len(x):
        return x
    generator = np.random.default_rng([seed, 0xA06])
    made = [x, x[:, :, ::-1], *(np.roll(x, shift, axis=(1, 2)) for shift in SHIFTS)]
    made += [_blended(x, generator) for _ in range(BLENDS)]
    return np.concatenate(made[: max(1, MOST_FLOATS // x.size)]).astype(np.float32)


def _blended(x: npt.NDArray[np.float32], generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Every image with another, in shares drawn evenly from 0 to 1 (mixup, Zhang et al. 2018)."""
    share = generator.random((len(x), 1, 1, 1), np.float32)
    return share * x + (1.0 - share) * x[generator.permutation(len(x))]
