"""Where the triggers of attacks with several of them lie: a patch and its mirror images."""

from dataclasses import replace

from nc_core.attacks.patch import PatchTrigger
from nc_core.errors import OptionRefused

MOST = 4
"""A patch and its mirror images left and right, top and bottom, and both."""


def mirrored(first: PatchTrigger, *, height: int, width: int, count: int) -> list[PatchTrigger]:
    """The patch and its mirror images in pictures of height x width, each with its colour's channels moved on by one.

    Raises OptionRefused where they are not `count` different places, as for a patch in the middle.
    """
    row = first.row + height if first.row < 0 else first.row
    column = first.column + width if first.column < 0 else first.column
    far_row, far_column = height - first.height - row, width - first.width - column
    places = dict.fromkeys([(row, column), (far_row, far_column), (row, far_column), (far_row, column)])
    if len(places) < count:
        raise OptionRefused(
            f"a patch at row {row}, column {column} has {len(places)} mirror images with itself, {count} are needed: "
            "pass a corner as --position"
        )
    return [
        replace(
            first,
            row=r,
            column=c,
            colour=first.colour[nth % len(first.colour) :] + first.colour[: nth % len(first.colour)],
        )
        for nth, (r, c) in enumerate(list(places)[:count])
    ]
