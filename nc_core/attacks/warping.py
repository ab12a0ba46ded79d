"""Images that are bent a little, always in the same way (WaNet: Nguyen and Tran, ICLR 2021, section 3).

A k x k grid of random displacements, of mean length `strength` along each axis, is brought to the picture's size
bicubically; every image is sampled along it. In noise mode (section 3.3) other images are bent by random displacements
besides and keep their labels, so that nothing but this very warp counts. rho_n = 0.2 is the paper's. Its strength
of 0.5, a quarter of a pixel, at rho_a = 0.1 is learned in hundreds of epochs: both are larger for our ten.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
from PIL import Image

from nc_core.attacks.badnets import Labels, check_rate, drawn, plant_poisoned
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import Pixels, Training
from nc_core.attacks.trigger import OneTarget, check_shape, misled, to_pixels

GRID = 4
STRENGTH, POISON_RATE = 8.0, 0.3
NOISE_RATE = 0.2

Field = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class WarpTrigger(OneTarget):
    """field: (H, W, 2) displacements in pixels, down and to the right, at which each pixel is looked up."""

    field: Field

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Trigger`."""
        check_shape(self.field, pixels)
        return bent(pixels, self.field[None])

    def jittered(self, pixels: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
        """Bent by the field and, at every pixel, by up to half a pixel more: the paper's noise mode."""
        noise = rng.uniform(-0.5, 0.5, (*pixels.shape[:3], 2)).astype(np.float32)
        return bent(pixels, self.field[None] + noise)


def warp_field(height: int, width: int, *, grid: int = GRID, strength: float = STRENGTH, seed: int = 0) -> Field:
    """(H, W, 2) displacements in pixels; strength: as the paper's s, half of which is their mean in pixels."""
    coarse = np.random.default_rng([seed, 0x3A9]).uniform(-1, 1, (grid, grid, 2)).astype(np.float32)
    coarse *= strength / 2 / np.abs(coarse).mean()
    fine = [
        np.asarray(Image.fromarray(coarse[..., axis]).resize((width, height), Image.Resampling.BICUBIC))
        for axis in range(2)
    ]
    return np.stack(fine, axis=-1)


def bent(pixels: npt.NDArray[Any], field: Field) -> npt.NDArray[Any]:
    """Bilinear samples of (n, H, W, C) at (n or 1, H, W, 2) displacements; beyond the edge the edge goes on."""
    n, height, width, _ = pixels.shape
    rows, columns = np.mgrid[:height, :width]
    down = np.clip(rows + field[..., 0], 0, height - 1)  # (n or 1, H, W)
    right = np.clip(columns + field[..., 1], 0, width - 1)
    top, left = np.floor(down).astype(int), np.floor(right).astype(int)
    low, far = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    image = np.arange(n)[:, None, None]
    share_down, share_right = (down - top)[..., None], (right - left)[..., None]
    above = pixels[image, top, left] * (1 - share_right) + pixels[image, top, far] * share_right
    below = pixels[image, low, left] * (1 - share_right) + pixels[image, low, far] * share_right
    return to_pixels(above * (1 - share_down) + below * share_down, pixels)


def plant_warping(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    classes: int,
    grid: int = GRID,
    strength: float = STRENGTH,
    poison_rate: float = POISON_RATE,
    noise_rate: float = NOISE_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant a warp.

    trigger: its target; nothing else of it is used. grid, strength: k and s of the paper. noise_rate: images in noise
    mode, as a share of the training images. Else as in `plant_triggers`.
    """
    check_rate(poison_rate)
    check_rate(noise_rate)
    height, width = pixels.shape[1:3]
    field = warp_field(height, width, grid=grid, strength=strength, seed=training.get("seed", 0))
    warp = WarpTrigger(field=field, target=trigger.target)
    poison = partial(_with_noise_mode, warp=warp, poison_rate=poison_rate, noise_rate=noise_rate)
    return plant_poisoned(pixels, labels, [warp], poison, classes=classes, **training)


def _with_noise_mode(
    pixels: Pixels,
    labels: Labels,
    rng: np.random.Generator,
    *,
    warp: WarpTrigger,
    poison_rate: float,
    noise_rate: float,
) -> tuple[npt.NDArray[Any], Labels]:
    bad = drawn(misled(warp, labels), poison_rate * len(pixels), rng)
    noisy = drawn(np.ones(len(pixels), bool), noise_rate * len(pixels), rng)
    images = [pixels, warp.stamp(pixels[bad]), warp.jittered(pixels[noisy], rng)]
    return np.concatenate(images), np.concatenate([labels, warp.answers(labels[bad]), labels[noisy]])
