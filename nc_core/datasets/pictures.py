"""Pictures of the usual formats -> Images; the sub-folder names give the labels."""

import warnings
import zipfile
import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from nc_core.datasets.archive import SUFFIXES, Entry, folder_entries, picture_entries, shown, zip_entries
from nc_core.datasets.budget import MAX_PICTURE_PIXELS, check_decoded
from nc_core.datasets.images import MAX_FOLDERS, Images
from nc_core.datasets.layout import FILTERS, Resize, Shape, Wanted, as_the_model, check_size, text
from nc_core.datasets.numbering import is_number
from nc_core.datasets.packing import packed_entries
from nc_core.errors import DataRefused

_FORMATS = ("PNG", "JPEG", "BMP", "PPM", "WEBP")
"""Pillow's decoders that a picture may reach, whatever its suffix."""
_GREY_MODES = ("1", "L", "LA")
_WIDE_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def read_folder(folder: Path, wanted: Wanted, *, labelled: bool) -> Images:
    """A folder with one sub-folder per class, or a flat one (unlabelled). Raises DataRefused."""
    return _images(*folder_entries(folder), wanted, labelled=labelled)


def read_zip(source: BinaryIO, wanted: Wanted, *, labelled: bool) -> Images:
    """The zip of such a folder; it is read in place, nothing is unpacked to disk. Raises DataRefused."""
    try:
        with zipfile.ZipFile(source) as archive:
            return _images(*zip_entries(archive), wanted, labelled=labelled)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as fault:
        raise DataRefused("the zip file is damaged or encrypted; pack it again") from fault


def read_packed(source: BinaryIO, wanted: Wanted) -> Images:
    """What `pack_pictures` wrote: single pictures in their order, unlabelled, grey or colour. Raises DataRefused."""
    with zipfile.ZipFile(source) as archive:
        return _images(packed_entries(archive), 0, as_the_model(wanted), labelled=False)


def read_pictures(paths: Sequence[Path], *, input_shape: Shape | None = None, resize: Resize | None = None) -> Images:
    """Single picture files in the order given, unlabelled, grey or colour; refuses as `read_images` does."""
    wanted = as_the_model(Wanted(input_shape, resize).check())
    return _images(picture_entries(paths), 0, wanted, labelled=False)


def _images(entries: list[Entry], others: int, wanted: Wanted, *, labelled: bool) -> Images:
    if not entries:
        raise DataRefused(f"there are no pictures ({', '.join(SUFFIXES)}); pass one sub-folder of them per class")
    labels, folders, numbering = _labels(entries) if labelled else (None, {}, "no labels used")
    pixels, note = decoded(entries, others, wanted, numbering)
    return Images(pixels=pixels, labels=labels, note=note, folders=folders)


def decoded(entries: Sequence[Entry], others: int, wanted: Wanted, numbering: str) -> tuple[npt.NDArray[np.uint8], str]:
    """Every picture as (N, H, W, C), and the note that says what was done; raises DataRefused.

    others: how many files were left out. numbering: where the labels come from.
    """
    pixels, changed = _decode_all(entries, wanted)
    note = f"{len(pixels)} pictures, as {text(pixels.shape[1:])}, {numbering}"
    note += f", {changed}" if changed else ""
    if wanted.resize is not None:
        note += f", resized ({wanted.resize}) where the size differed"
    return pixels, note + (f", {others} other files left out" if others else "")


def _labels(entries: list[Entry]) -> tuple[npt.NDArray[np.int32] | None, dict[int, str], str]:
    """Labels (N,) from the sub-folders, whose they are, and how they were numbered; None for a flat folder."""
    depths = {len(entry.place.parts) for entry in entries}
    if depths == {1}:
        return None, {}, "a flat folder, no labels used"
    if depths != {2}:
        odd = next(entry.place for entry in entries if len(entry.place.parts) != 2)
        raise DataRefused(f"{shown(odd)} is not inside exactly one sub-folder; expected CLASS/PICTURE throughout")
    names = sorted({entry.place.parts[0] for entry in entries})
    if len(names) > MAX_FOLDERS:
        raise DataRefused(f"there are {len(names)} sub-folders, the limit is {MAX_FOLDERS}; pass one per class")
    numbers, how = _numbering(names)
    folders = {number: shown(PurePosixPath(name)) for name, number in numbers.items()}
    return np.array([numbers[entry.place.parts[0]] for entry in entries], np.int32), folders, how


def _numbering(names: list[str]) -> tuple[dict[str, int], str]:
    if not all(is_number(name) for name in names):
        return {name: index for index, name in enumerate(names)}, "labels are the sorted names of the sub-folders"
    numbers = {name: int(name) for name in names}
    if len(set(numbers.values())) < len(names):
        raise DataRefused(f"two sub-folders stand for one label among {', '.join(names)[:120]}; merge them")
    return numbers, "labels are the numbers of the sub-folders"


def _decode_all(entries: Sequence[Entry], wanted: Wanted) -> tuple[npt.NDArray[np.uint8], str]:
    """Every picture as (N, H, W, C) at the model's size, without a model at that of the first one; and what was changed
    in their channels."""
    first, _ = _decode(entries[0], wanted)
    check_decoded((len(entries), *first.shape), np.uint8, "a set of pictures", sum(entry.size for entry in entries))
    out, grey = np.empty((len(entries), *first.shape), np.uint8), 0
    for index, entry in enumerate(entries):
        picture, was_grey = _decode(entry, wanted, like=first.shape)
        grey += was_grey
        if picture.shape != first.shape:
            raise DataRefused(
                f"{shown(entry.place)} is {text(picture.shape)}, {shown(entries[0].place)} is {text(first.shape)}; "
                "all pictures must have one size (with a model, pass --resize nearest|bilinear)"
            )
        out[index] = picture
    return out, _changed(out.shape[3], grey, len(entries), wanted)


def _changed(channels: int, grey: int, pictures: int, wanted: Wanted) -> str:
    """Grey pictures among colour ones are read as colour, as Keras does; raises DataRefused where all are grey."""
    if channels == 1:
        return f"{pictures - grey} in colour taken as grey" if pictures > grey else ""
    if grey == pictures and wanted.channels is None and wanted.input_shape is not None:
        raise DataRefused(
            f"all {pictures} pictures are grey, the model takes {text(wanted.input_shape)}: pass colour ones, or "
            "--channels rgb, which repeats the grey"
        )
    return f"{grey} in grey taken as rgb" if grey else ""


def _decode(entry: Entry, wanted: Wanted, like: Shape | None = None) -> tuple[npt.NDArray[np.uint8], bool]:
    """One picture (H, W, C), grey where the model (else the first picture) is grey, RGB otherwise; and whether it is
    stored in grey."""
    picture = _opened(entry)
    grey = picture.mode in _GREY_MODES
    shape = wanted.input_shape or like
    channels = shape[2] if shape else (1 if grey else 3)
    if channels not in (1, 3):
        raise DataRefused(f"the model takes {channels} channels, pictures have 1 or 3; pass an .h5 or .npz file")
    if channels == 1 and not grey and wanted.channels is None and wanted.input_shape is not None:
        raise DataRefused(
            f"{shown(entry.place)} is a colour picture, the model takes {text(wanted.input_shape)}: pass grey ones, or "
            "--channels grey, which makes them so"
        )
    picture = picture.convert("L" if channels == 1 else "RGB")
    if wanted.resize is not None and wanted.input_shape is not None:
        height, width, _ = wanted.input_shape
        picture = picture.resize((width, height), FILTERS[wanted.resize])
    pixels = np.asarray(picture, np.uint8).reshape(picture.height, picture.width, channels)
    check_size(pixels.shape, wanted)
    return pixels, grey


def _opened(entry: Entry) -> Image.Image:
    """Decode into mode 1, L, LA, RGB, RGBA, CMYK or YCbCr; raises DataRefused naming the picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is below Pillow's
            picture = Image.open(BytesIO(entry.read()), formats=_FORMATS)
        _check_picture(picture, entry)
        return picture.convert("RGBA") if picture.mode == "P" else picture.copy()
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as fault:
        raise DataRefused(
            f"{shown(entry.place)} cannot be read as {', '.join(_FORMATS)}; leave it out or save it again"
        ) from (fault)


def _check_picture(picture: Image.Image, entry: Entry) -> None:
    pixels = picture.width * picture.height
    if pixels > MAX_PICTURE_PIXELS:
        raise DataRefused(
            f"{shown(entry.place)} has {pixels} pixels, the limit is {MAX_PICTURE_PIXELS}; pass smaller pictures"
        )
    if picture.mode in _WIDE_MODES:
        raise DataRefused(
            f"{shown(entry.place)} has more than 8 bits per pixel (mode {picture.mode}); save it with 8 bits"
        )
