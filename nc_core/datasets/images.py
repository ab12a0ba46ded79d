"""Images as every later step sees them, and the checks that make them clean data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nc_core import tensors
from nc_core.errors import DataRefused

MIN_IMAGES = 32
"""One batch of the inversion; below this the parts of a split are too small to measure anything on."""

NOTE_CHARACTERS = 1000
"""Of a note that another process wrote."""
MAX_FOLDERS = 100_000
FOLDER_CHARACTERS = 255


@dataclass(frozen=True, kw_only=True)
class Images:
    """Pictures in file pixels, channels last.

    pixels: (N, H, W, C) in 0..255, uint8, or float32 where the file's floats were no whole numbers.
    labels: (N,) int32, or None where the file has none.
    note: what was found and done on reading, as one phrase for the report.
    folders: label -> name of its folder, or of its class where the file declares such names, on one line; empty where
        there are none.
    declared: the file says which label each name belongs to; names of folders are numbered by whoever reads them.
    """

    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.float32]
    labels: npt.NDArray[np.int32] | None
    note: str = ""
    folders: Mapping[int, str] = field(default_factory=dict)
    declared: bool = False

    def write(self, file: BinaryIO) -> None:
        """Write one safetensors file, for `read_written`."""
        arrays: dict[str, npt.NDArray[Any]] = {"pixels": self.pixels}
        if self.labels is not None:
            arrays["labels"] = self.labels
        told = {"note": self.note, "folders": list(self.folders.items()), "declared": self.declared}
        tensors.write(file, arrays, json.dumps(told))

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        _, height, width, channels = self.pixels.shape
        return int(height), int(width), int(channels)


def read_written(file: BinaryIO, input_shape: tuple[int, int, int] | None) -> Images:
    """Read what `Images.write` wrote, mapped and read-only; DataRefused where it holds anything else.

    input_shape: (H, W, C) that the images must have. Such a file comes from the process that reads uploads: what it
    says is believed no more than an upload.
    """
    try:
        arrays, text = tensors.read(file)
        told = json.loads(text)
        note, folders, declared = str(told["note"]), _folders(told["folders"]), bool(told["declared"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unwritten(str(error)) from None
    if "pixels" not in arrays:
        raise _unwritten("no pixels")
    pixels, labels = arrays.pop("pixels"), arrays.pop("labels", None)
    if arrays or pixels.dtype not in (np.uint8, np.float32) or pixels.ndim != 4 or 0 in pixels.shape:
        raise _unwritten(f"{pixels.dtype} of the shape {pixels.shape}")
    if input_shape is not None and pixels.shape[1:] != tuple(input_shape):
        raise _unwritten(f"images of the shape {pixels.shape[1:]}, asked for were {input_shape}")
    # A comparison with NaN is false
    if pixels.dtype == np.float32 and not (pixels.min() >= 0 and pixels.max() <= 255):
        raise _unwritten("pixels outside 0..255")
    if labels is not None and (labels.dtype != np.int32 or labels.shape != pixels.shape[:1] or labels.min() < 0):
        raise _unwritten(f"labels {labels.dtype} of the shape {labels.shape}")
    note = _plain(note[:NOTE_CHARACTERS])
    return Images(pixels=pixels, labels=labels, note=note, folders=folders, declared=declared)


def _folders(pairs: Any) -> dict[int, str]:
    if len(pairs) > MAX_FOLDERS:
        raise ValueError(f"{len(pairs)} folders")
    return {int(label): _plain(str(name)[:FOLDER_CHARACTERS]) for label, name in pairs}


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _unwritten(what: str) -> DataRefused:
    return DataRefused(f"reading the data file ended in {what}, which no reader of ours writes: copy it again")


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
        from_one = ", number them from 0" if largest == classes and images.labels.min() == 1 else ""
        raise DataRefused(
            f"the largest label is {largest}, the model has {classes} classes (0..{classes - 1}){from_one}; pass the "
            "data this model was trained for, or --unlabelled to leave the labels aside"
        )
