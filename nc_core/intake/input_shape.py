"""The size of a net's pictures: what the file says of it, and what the user says where the file does not.

Files leave sizes open, or say a row of 784 values for pictures of 28 x 28. What is known is never overruled.
"""

import re
from collections.abc import Sequence
from math import isqrt, prod

from nc_core.errors import ModelRefused
from nc_core.intake.options import LARGEST
from nc_core.intake.wording import shown

Image = tuple[int, int, int]
"""(H, W, C)."""
Sizes = Sequence[int | None]
"""Of one image as the file has them; None where a size is open."""

_SAID = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})(?:x([1-9][0-9]{0,2}))?", re.ASCII)
SAY = "say how large its pictures are, --input-shape HEIGHTxWIDTHxCHANNELS"


def image_shape(sizes: Sizes | None, said: str | None) -> Image:
    """(H, W, C) of a net whose input has these sizes, channels last; None: the file says nothing of it.

    said: HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS. Raises ModelRefused where both together do not settle it, or differ.
    """
    if sizes is not None and len(sizes) not in (1, 2, 3):
        raise ModelRefused(
            f"the model's input has the shape {(None, *sizes)}; read here are images (None, height, width, "
            "channels): begin the net with such an input (one channel for grey images) and save it again"
        )
    if said is None:
        return _known(sizes)
    given = _parsed(said)
    found = (*given[:2], given[2] if given[2] is not None else _channels(sizes, given[0] * given[1]))
    if not _agrees(found, sizes):
        raise ModelRefused(
            f"the model's input has the shape {_told(sizes)}, and --input-shape {said} says {found}: pass the size of "
            "the pictures that it was trained on"
        )
    return found


def _parsed(said: str) -> tuple[int, int, int | None]:
    found = _SAID.fullmatch(said)
    if found is None:
        raise ModelRefused(
            f"--input-shape is {shown(said)}; pass HEIGHTxWIDTH or HEIGHTxWIDTHxCHANNELS, such as 28x28 or 32x32x3"
        )
    height, width, channels = found.groups()
    return int(height), int(width), None if channels is None else int(channels)


def _channels(sizes: Sizes | None, pixels: int) -> int:
    """As many as fill a row or as the file says; one where nothing does."""
    if sizes is None or len(sizes) == 2:
        return 1
    last = sizes[-1]
    if len(sizes) == 3:
        return last or 1
    return max(1, (last or pixels) // pixels)


def _agrees(image: Image, sizes: Sizes | None) -> bool:
    if sizes is None:
        return prod(image) <= LARGEST
    own = {1: (prod(image),), 2: image[:2], 3: image}[len(sizes)]
    fits = len(sizes) != 2 or image[2] == 1
    return fits and all(size in (None, wanted) for size, wanted in zip(sizes, own, strict=True))


def _known(sizes: Sizes | None) -> Image:
    if sizes is None:
        raise ModelRefused(
            f"the model does not say the size of its input: {SAY}, or call it once on an image and save it again"
        )
    if len(sizes) == 1:
        raise ModelRefused(
            f"the model's input is a row of {sizes[0] or 'any number of'} values, and a file does not say of which "
            f"images: pass --input-shape {_square(sizes[0] or 0)}"
        )
    image = (*sizes, 1)[:3]
    height, width, channels = image
    if height is None or width is None or channels is None:
        raise ModelRefused(
            f"the model's input has the shape {_told(sizes)}; height, width and channels must be fixed: {SAY}"
        )
    return height, width, channels


def _told(sizes: Sizes | None) -> str:
    return "unknown" if sizes is None else str((None, *sizes))


def _square(values: int) -> str:
    """The shape of square pictures of so many values, grey or in colour, where there is one."""
    for channels in (1, 3):
        side = isqrt(values // channels)
        if side and side * side * channels == values:
            return f"{side}x{side}" if channels == 1 else f"{side}x{side}x{channels}"
    return "HEIGHTxWIDTHxCHANNELS"
