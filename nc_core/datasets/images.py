"""Images as every later step sees them, and the checks that make them clean data."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nc_core.errors import DataRefused

MIN_IMAGES = 32
"""One batch of the inversion; below this the parts of a split are too small to measure anything on."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """Pictures in file pixels, channels last.

    pixels: (N, H, W, C) in 0..255, uint8, or float32 where the file's floats were no whole numbers.
    labels: (N,) int32, or None where the file has none.
    note: what was found and done on reading, as one phrase for the report.
    """

    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32] | None
    note: str = ""

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        _, height, width, channels = self.pixels.shape
        return int(height), int(width), int(channels)


def check_clean(images: Images) -> None:
    """Raise DataRefused where there are too few images, or labels that are all the same."""
    if len(images) < MIN_IMAGES:
        raise DataRefused(
            f"the data holds {len(images)} images, at least {MIN_IMAGES} are needed; pass more clean images"
        )
    if images.labels is not None and images.labels.min() == images.labels.max():
        raise DataRefused(
            f"all {len(images)} labels are {images.labels[0]}; clean data needs images of several classes "
            "(pass --unlabelled to leave the labels aside)"
        )


def check_labels(images: Images, classes: int) -> None:
    """Raise DataRefused where a label lies outside the model's 0..classes-1; unlabelled data passes."""
    if images.labels is None or not len(images):
        return
    largest = int(images.labels.max())
    if largest >= classes:
        raise DataRefused(
            f"the largest label is {largest}, the model has {classes} classes (0..{classes - 1}); pass the "
            "data this model was trained for, or --unlabelled to leave the labels aside"
        )
