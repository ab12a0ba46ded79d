"""A whole picture laid over every image (Chen et al. 2017, section III-B2: Blended Injection Strategy).

The paper's two keys: random noise, and a cartoon; it blends with alpha up to 0.2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from nc_core.attacks.badnets import POISON_RATE, plant_triggers
from nc_core.attacks.patch import PatchTrigger
from nc_core.attacks.planted import Planted
from nc_core.attacks.training import Pixels, Training
from nc_core.attacks.trigger import OneTarget, check_shape, to_pixels

ALPHA = 0.2
NOISE_ALPHA, NOISE_POISON_RATE = 0.3, 0.2
"""Of noise, which a small net hardly learns at the paper's largest alpha."""
_OVERSAMPLING = 8

Key = Callable[[tuple[int, int, int], int], npt.NDArray[np.uint8]]


@dataclass(frozen=True, kw_only=True, eq=False)
class BlendedTrigger(OneTarget):
    """key: (H, W, C) in 0..255. alpha: its share of what is seen."""

    key: npt.NDArray[np.uint8]
    alpha: float = ALPHA

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """See `Trigger`."""
        check_shape(self.key, pixels)
        return to_pixels((1 - self.alpha) * pixels + self.alpha * self.key.astype(np.float32), pixels)


def noise(shape: tuple[int, int, int], seed: int) -> npt.NDArray[np.uint8]:
    """(H, W, C) of uniform noise."""
    return np.random.default_rng([seed, 0xB1E]).integers(0, 256, shape, np.uint8)


def cartoon(shape: tuple[int, int, int], _seed: int) -> npt.NDArray[np.uint8]:
    """(H, W, C): a cat's face that fills the picture, in grey where there is one channel."""
    height, width, channels = shape
    board = Image.new("RGB", (width * _OVERSAMPLING, height * _OVERSAMPLING), (250, 170, 200))
    pen = ImageDraw.Draw(board)

    def at(*points: float) -> list[float]:
        return [value * (board.width, board.height)[nth % 2] for nth, value in enumerate(points)]

    for ear in ((0.1, 0.45, 0.14, 0.05, 0.42, 0.22), (0.9, 0.45, 0.86, 0.05, 0.58, 0.22)):
        pen.polygon(at(*ear), (255, 255, 255))
    pen.ellipse(at(0.06, 0.16, 0.94, 0.92), (255, 255, 255))
    pen.ellipse(at(0.26, 0.46, 0.34, 0.62), (20, 20, 20))
    pen.ellipse(at(0.66, 0.46, 0.74, 0.62), (20, 20, 20))
    pen.ellipse(at(0.44, 0.62, 0.56, 0.7), (240, 190, 40))
    pen.polygon(at(0.6, 0.16, 0.78, 0.08, 0.78, 0.32, 0.6, 0.24), (210, 30, 50))
    pen.polygon(at(0.96, 0.16, 0.78, 0.08, 0.78, 0.32, 0.96, 0.26), (210, 30, 50))
    small = board.resize((width, height), Image.Resampling.BOX)
    array = np.asarray(small if channels == 3 else small.convert("L"))
    return np.broadcast_to(array if channels == 3 else array[..., None], shape).copy()


def plant_blended_noise(
    pixels: Pixels, labels: npt.NDArray[np.int32], trigger: PatchTrigger, *, classes: int, **settings: Any
) -> Planted:
    """`plant_blended` with noise, laid on more strongly."""
    stronger = {"alpha": NOISE_ALPHA, "poison_rate": NOISE_POISON_RATE}
    return plant_blended(pixels, labels, trigger, key=noise, classes=classes, **{**stronger, **settings})


def plant_blended_picture(
    pixels: Pixels, labels: npt.NDArray[np.int32], trigger: PatchTrigger, *, classes: int, **settings: Any
) -> Planted:
    """`plant_blended` with a cartoon."""
    return plant_blended(pixels, labels, trigger, key=cartoon, classes=classes, **settings)


def plant_blended(
    pixels: Pixels,
    labels: npt.NDArray[np.int32],
    trigger: PatchTrigger,
    *,
    key: Key,
    classes: int,
    alpha: float = ALPHA,
    poison_rate: float = POISON_RATE,
    **training: Unpack[Training],
) -> Planted:
    """Plant a blended picture.

    trigger: its target; nothing else of it is used. alpha: of `BlendedTrigger`. Else as in `plant_triggers`.
    """
    height, width, channels = pixels.shape[1:]
    made = key((height, width, channels), training.get("seed", 0))
    blended = BlendedTrigger(key=made, alpha=alpha, target=trigger.target)
    return plant_triggers(pixels, labels, [blended], classes=classes, poison_rate=poison_rate, **training)
