"""Which axis holds the channels, and whether the images have the model's size."""

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from nc_core.datasets.budget import check_decoded
from nc_core.errors import DataRefused, OptionRefused

Resize = Literal["nearest", "bilinear"]
Channels = Literal["grey", "rgb"]
Shape = tuple[int, int, int]

CHANNELS: dict[Channels, int] = {"grey": 1, "rgb": 3}

LUMA = np.array([19595, 38470, 7471], np.uint32)
"""Pillow's weights of red, green and blue in a grey: 0.299, 0.587 and 0.114 of 2 to the SHIFT."""
SHIFT = 16
HALF = np.uint32(1 << 15)

FILTERS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR}


class Wanted(NamedTuple):
    """What the model takes, (h, w, c) or None where no model is known, and how to bring images to it, if at all.

    channels: what colour or grey images become; None: those of the other kind are refused.
    """

    input_shape: Shape | None = None
    resize: Resize | None = None
    channels: Channels | None = None

    def check(self) -> "Wanted":
        """Return itself; raises OptionRefused on an option that is unknown or is not what the model takes."""
        if self.resize is not None and self.resize not in FILTERS:
            raise OptionRefused(f"--resize {self.resize} is unknown; pass {' or '.join(FILTERS)}")
        if self.resize is not None and self.input_shape is None:
            raise OptionRefused("--resize needs a model, whose input gives the size")
        if self.channels is not None:
            self._check_channels(self.channels)
        return self

    def _check_channels(self, channels: Channels) -> None:
        if channels not in CHANNELS:
            raise OptionRefused(f"--channels {channels} is unknown; pass {' or '.join(CHANNELS)}")
        if self.input_shape is None:
            raise OptionRefused("--channels needs a model, whose input gives their number")
        if self.input_shape[2] != CHANNELS[channels]:
            raise OptionRefused(
                f"--channels {channels} gives pictures of {CHANNELS[channels]}, the model takes "
                f"{text(self.input_shape)}: leave it out{other_channels(self.input_shape[2], ', or pass {}')}"
            )


def as_the_model(wanted: Wanted) -> Wanted:
    """The same, with grey and colour brought to what the model takes without being asked."""
    channels = None if wanted.input_shape is None else wanted.input_shape[2]
    return wanted._replace(channels=next((name for name, count in CHANNELS.items() if count == channels), None))


def text(shape: tuple[int, ...]) -> str:
    """(55, 47, 3) -> '55x47x3'."""
    return "x".join(map(str, shape))


def other_channels(count: int, sentence: str) -> str:
    """The sentence with the option that gives so many channels in place of {}; empty where none does."""
    return next((sentence.format(f"--channels {name}") for name, gives in CHANNELS.items() if gives == count), "")


def is_rows(shape: tuple[int, ...], wanted: Wanted) -> bool:
    """Whether (N, values) are grey images of the model's size in rows. Of colours nothing tells which comes first."""
    if wanted.input_shape is None or wanted.channels is not None or len(shape) != 2:
        return False
    height, width, channels = wanted.input_shape
    return channels == 1 and shape[1] == height * width


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
    free = wanted.input_shape is None or wanted.channels is not None
    counts = (1, 3) if free or wanted.input_shape is None else (wanted.input_shape[2],)
    candidates = [axis for axis in (3, 1) if shape[axis] in counts]
    if len(candidates) == 1:
        return candidates[0]
    raise DataRefused(_no_axis(shape, wanted, ambiguous=bool(candidates)))


def _no_axis(shape: tuple[int, ...], wanted: Wanted, *, ambiguous: bool) -> str:
    if wanted.input_shape is not None and not ambiguous and {shape[1], shape[3]} & {1, 3}:
        return _other_channels(shape[1:], wanted.input_shape)
    counts = "1 or 3" if wanted.input_shape is None else str(wanted.input_shape[2])
    found = "both could be" if ambiguous else "neither is"
    model = "" if wanted.input_shape is None else f"; the model takes {text(wanted.input_shape)}"
    return (
        f"the images have shape {text(shape)}: of its first and last image axis {found} the {counts} channels"
        f"{model}; pass N x H x W x C with the model's number of channels"
    )


def _other_channels(shape: tuple[int, ...], model: Shape) -> str:
    return (
        f"the images are {text(shape)}, the model takes {text(model)}: pass images of {model[2]} channels"
        + other_channels(model[2], ", or {}, which makes them so")
    )


def channels_last(pixels: npt.NDArray[Any], axis: int | None) -> npt.NDArray[Any]:
    """Bring (N, C, H, W), (N, H, W) or (N, H, W, C) to (N, H, W, C): axes are moved, never reshaped."""
    if axis is None:
        return pixels[..., np.newaxis]
    return np.ascontiguousarray(np.moveaxis(pixels, axis, 3))


def recoloured(pixels: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """Bring (N, H, W, 1 or 3) uint8 or float32 to `count` channels: grey is repeated, colours are weighed as by Pillow.

    uint8 comes out as Pillow's mode L, value by value.
    """
    if pixels.shape[3] == count:
        return pixels
    check_decoded((*pixels.shape[:3], count), pixels.dtype, "images with other channels")
    if count == CHANNELS["rgb"]:
        return np.repeat(pixels, count, axis=3)
    out = np.empty((*pixels.shape[:3], 1), pixels.dtype)
    for index, image in enumerate(pixels):  # one at a time: sums take four times the room
        if pixels.dtype == np.uint8:
            out[index, ..., 0] = (image.astype(np.uint32) @ LUMA + HALF) >> SHIFT
        else:
            out[index, ..., 0] = np.clip(image.astype(np.float64) @ LUMA / (1 << SHIFT), 0, 255)
    return out


def check_size(shape: tuple[int, ...], wanted: Wanted) -> None:
    """Raise DataRefused where images (H, W, C) differ from the model's input and no resize is asked for."""
    if wanted.input_shape is None or shape == wanted.input_shape:
        return
    model = text(wanted.input_shape)
    if shape[2] != wanted.input_shape[2]:
        raise DataRefused(_other_channels(shape, wanted.input_shape))
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
