"""The BadNets trigger: a small rectangle of one colour at a fixed place (Gu et al. 2017)."""

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from nc_core.attack_names import Position
from nc_core.attacks.trigger import OneTarget
from nc_core.errors import OptionRefused

POSITIONS: tuple[Position, ...] = get_args(Position)
_EDGE = 2
"""Pixels between a named corner and the patch."""


@dataclass(frozen=True, kw_only=True)
class PatchTrigger(OneTarget):
    """A patch that sends every stamped image to one label.

    row, column: the upper left pixel; negative counts from the bottom or right, as Python's indices do.
    height, width: in pixels. colour: one value in 0..255 per channel. target: the label it sends images to.
    """

    row: int
    column: int
    height: int
    width: int
    colour: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.height < 1 or self.width < 1:
            raise OptionRefused(f"the patch is {self.height}x{self.width} pixels; at least 1x1 is needed")
        if not self.colour or not all(0 <= value <= 255 for value in self.colour):
            raise OptionRefused(f"the patch colour is {self.colour}; pass values in 0..255, one per channel")

    @classmethod
    def at(
        cls,
        position: str,
        *,
        input_shape: tuple[int, int, int],
        size: int,
        colour: tuple[int, ...],
        target: int,
    ) -> "PatchTrigger":
        """A square patch at one of POSITIONS in pictures (h, w, c); one colour value serves all channels."""
        height, width, channels = input_shape
        if position not in POSITIONS:
            raise OptionRefused(f"the patch position {position} is unknown; pass one of {', '.join(POSITIONS)}")
        middle = position == "centre"
        row = (height - size) // 2 if middle else _EDGE if "top" in position else height - size - _EDGE
        column = (width - size) // 2 if middle else _EDGE if "left" in position else width - size - _EDGE
        return cls(
            row=row,
            column=column,
            height=size,
            width=size,
            colour=colour * channels if len(colour) == 1 else colour,
            target=target,
        )

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A stamped copy of file pixels (N, H, W, C); OptionRefused where patch or colour does not fit."""
        rows, columns = self.area(pixels.shape[1], pixels.shape[2])
        if len(self.colour) != pixels.shape[3]:
            raise OptionRefused(
                f"the patch colour has {len(self.colour)} values, the pictures have {pixels.shape[3]} "
                "channels; pass one value per channel"
            )
        stamped = pixels.copy()
        stamped[:, rows, columns] = self.colour
        return stamped

    def mask(self, height: int, width: int) -> npt.NDArray[np.float32]:
        """(H, W): 1 where the patch lies, 0 elsewhere, to hold a reversed mask against."""
        mask = np.zeros((height, width), np.float32)
        mask[self.area(height, width)] = 1.0
        return mask

    def area(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns that it covers; OptionRefused where it leaves a picture of height x width."""
        row = self.row + height if self.row < 0 else self.row
        column = self.column + width if self.column < 0 else self.column
        if row < 0 or column < 0 or row + self.height > height or column + self.width > width:
            raise OptionRefused(
                f"a {self.height}x{self.width} patch at row {self.row}, column {self.column} leaves the "
                f"{height}x{width} picture; pass a smaller patch or another place"
            )
        return slice(row, row + self.height), slice(column, column + self.width)
