"""From the arrays of a file to Images: the steps that CSAW and Keras files share."""

from typing import Any

import numpy.typing as npt

from nc_core.datasets.budget import check_decoded
from nc_core.datasets.images import Images
from nc_core.datasets.labels import to_labels
from nc_core.datasets.layout import (
    CHANNELS,
    Wanted,
    channel_axis,
    channels_last,
    check_size,
    is_rows,
    recoloured,
    resized,
    text,
)
from nc_core.datasets.pixels import Source, to_pixels
from nc_core.errors import DataRefused

_LAYOUT = {None: "no channel axis", 1: "channels first", 3: "channels last"}


def images_of(data: Source, labels: npt.NDArray[Any] | None, wanted: Wanted, file_kind: str) -> Images:
    """Pixels of any layout and range, labels of any form -> Images; DataRefused on what does not fit."""
    if not data.shape or 0 in data.shape:
        raise DataRefused(f"the images have shape {data.shape}; expected N x H x W x C with none of them zero")
    check_decoded(data.shape, data.dtype, "an array of images")
    rows = is_rows(data.shape, wanted)
    axis = None if rows else channel_axis(data.shape, wanted)
    if not rows:
        check_size(_picture_shape(data.shape, axis, wanted), wanted)  # before anything is read
    pixels, value_range = to_pixels(data)
    if rows and wanted.input_shape is not None:
        pixels = pixels.reshape(-1, *wanted.input_shape[:2])
    pixels = channels_last(pixels, axis)
    found = f"{file_kind}, {len(pixels)} images of {text(pixels.shape[1:])}, {_LAYOUT[axis]}, {value_range}"
    if wanted.channels is not None and pixels.shape[3] != CHANNELS[wanted.channels]:
        pixels = recoloured(pixels, CHANNELS[wanted.channels])
        found += f", taken as {wanted.channels}"
    out = resized(pixels, wanted)
    if out is not pixels:
        found += f", resized ({wanted.resize}) to {text(out.shape[1:])}"
    return Images(
        pixels=out,
        labels=None if labels is None else to_labels(labels, len(out)),
        note=found + (", no labels used" if labels is None else ""),
    )


def _picture_shape(shape: tuple[int, ...], axis: int | None, wanted: Wanted) -> tuple[int, ...]:
    """Of one image, with the channels that it is to have."""
    size = tuple(length for index, length in enumerate(shape[1:], 1) if index != axis)
    if wanted.channels is not None:
        return (*size, CHANNELS[wanted.channels])
    return (*size, 1 if axis is None else shape[axis])
