"""Which axis holds the channels, and whether the images have the model's size."""

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from nc_core.datasets.budget import check_decoded
from nc_core.errors import DataRefused, OptionRefused

Resize = Literal["nearest", "bilinear"]
Shape = tuple[int, int, int]

FILTERS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR}


class Wanted(NamedTuple):
    """What the model takes, (h, w, c) or None where no model is known, and how to resize to it, if at all."""

    input_shape: Shape | None = None
    resize: Resize | None = None

    def check(self) -> "Wanted":
        """Return itself; raises OptionRefused on a resize that is unknown or has no size to go to."""
        if self.resize is not None and self.resize not in FILTERS:
            raise OptionRefused(f"--resize {self.resize} is unknown; pass {' or '.join(FILTERS)}")
        if self.resize is not None and self.input_shape is None:
            raise OptionRefused("--resize needs a model, whose input gives the size")
        return self


def text(shape: tuple[int, ...]) -> str:
    """(55, 47, 3) -> '55x47x3'."""
    return "x".join(map(str, shape))


def channel_axis(shape: tuple[int, ...], wanted: Wanted) -> int | None:
    """Which axis of (N, ...) holds the channels: 3, 1, or None where grey (N, H, W) has no such axis.

    The model's input shape decides; without a model an axis of length 1 or 3 does. Raises DataRefused where
    neither or both axes could be meant.
    """
    if len(shape) == 3:
        return None
    if len(shape) != 4:
        raise DataRefused(f"the images have shape {text(shape)}; expected N x H x W x C, N x C x H x W or N x H x W")
    if wanted.input_shape is not None:
        height, width, channels = wanted.input_shape
        if shape[1:] == (height, width, channels):
            return 3
        if shape[1:] == (channels, height, width):
            return 1
    counts = (1, 3) if wanted.input_shape is None else (wanted.input_shape[2],)
    candidates = [axis for axis in (3, 1) if shape[axis] in counts]
    if len(candidates) == 1:
        return candidates[0]
    raise DataRefused(_no_axis(shape, wanted, ambiguous=bool(candidates)))


def _no_axis(shape: tuple[int, ...], wanted: Wanted, *, ambiguous: bool) -> str:
    counts = "1 or 3" if wanted.input_shape is None else str(wanted.input_shape[2])
    found = "both could be" if ambiguous else "neither is"
    model = "" if wanted.input_shape is None else f"; the model takes {text(wanted.input_shape)}"
    return (
        f"the images have shape {text(shape)}: of its first and last image axis {found} the {counts} channels"
        f"{model}; pass N x H x W x C with the model's number of channels"
    )


def channels_last(pixels: npt.NDArray[Any], axis: int | None) -> npt.NDArray[Any]:
    """Bring (N, C, H, W), (N, H, W) or (N, H, W, C) to (N, H, W, C): axes are moved, never reshaped."""
    if axis is None:
        return pixels[..., np.newaxis]
    return np.ascontiguousarray(np.moveaxis(pixels, axis, 3))


def check_size(shape: tuple[int, ...], wanted: Wanted) -> None:
    """Raise DataRefused where images (H, W, C) differ from the model's input and no resize is asked for."""
    if wanted.input_shape is None or shape == wanted.input_shape:
        return
    model = text(wanted.input_shape)
    if shape[2] != wanted.input_shape[2]:
        raise DataRefused(
            f"the images are {text(shape)}, the model takes {model}: resizing does not change the number of "
            f"channels; pass images of {wanted.input_shape[2]} channels"
        )
    if wanted.resize is None:
        raise DataRefused(
            f"the images are {text(shape)}, the model takes {model}; pass --resize nearest|bilinear or "
            "images of that size"
        )


def resized(pixels: npt.NDArray[Any], wanted: Wanted) -> npt.NDArray[Any]:
    """Bring (N, H, W, C) uint8 or float32 to the model's (N, h, w, C), image by image, unless it fits."""
    check_size(pixels.shape[1:], wanted)
    if wanted.resize is None or wanted.input_shape is None or pixels.shape[1:] == wanted.input_shape:
        return pixels
    height, width, channels = wanted.input_shape
    check_decoded((len(pixels), height, width, channels), pixels.dtype, "resized images")
    out = np.empty((len(pixels), height, width, channels), pixels.dtype)
    for index, image in enumerate(pixels):
        for channel in range(channels):  # one at a time: Pillow has no float pictures of several channels
            plane = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            out[index, ..., channel] = np.asarray(plane.resize((width, height), FILTERS[wanted.resize]))
    return out
