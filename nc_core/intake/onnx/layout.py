"""Which axes a reshaping joins and splits, so that values need not be moved for it, and where it puts the batch."""

from collections.abc import Collection, Sequence
from math import prod

from nc_core.intake.onnx.values import Place
from nc_core.intake.windows import Shape

Group = tuple[list[int], list[int]]
"""Axes before, axes after, of as many values."""

ANY = 2**89 - 1
"""Stands for a number of images that the file leaves open: a prime, and larger than any size that a file can hold."""


def groups(before: Sequence[int], after: Sequence[int]) -> list[Group]:
    """The smallest runs of axes that become one another, from the first on; both shapes have as many values."""
    found: list[Group] = []
    old = new = 0
    while old < len(before) and new < len(after):
        group: Group = ([old], [new])
        left, right = before[old], after[new]
        old, new = old + 1, new + 1
        while left != right:
            if left < right:
                group[0].append(old)
                left *= before[old]
                old += 1
            else:
                group[1].append(new)
                right *= after[new]
                new += 1
        found.append(group)
    if not found:
        found.append(([], []))
    found[-1][0].extend(range(old, len(before)))
    found[-1][1].extend(range(new, len(after)))
    return found


def sizes(shape: Shape, place: Place, images: int) -> list[int]:
    """The sizes of a tensor's axes as ONNX counts them. images: how many there are, or ANY."""
    found = [prod(shape[axis] for axis in block) for block in place.blocks(len(shape))]
    found[place.axis] *= images
    return found


def located(
    shape: Shape, place: Place, images: int, target: Sequence[int], named: Collection[int]
) -> tuple[Shape, Place] | None:
    """The shape of one image and the place of the batch after a reshaping; None where that tears the batch apart.

    The batch stays behind as many values as before: those of the axes before it. target: as many values as there are.
    named: axes of the target that the file says to hold the number of images, which tells them apart where that is 1.
    """
    before = prod(shape[: place.axis + place.outer])
    found: list[tuple[tuple[bool, ...], int, int, int]] = []
    for axis, size in enumerate(target):
        outer, rest = divmod(before, prod(target[:axis]))
        inner, more = divmod(size, outer * images) if outer else (0, 1)
        if not rest and not more and inner:
            # of several, all of them right for a single image, the one that PyTorch means
            order = (axis not in named, outer * inner > 1, axis == len(target) - 1, outer > 1)
            found.append((order, axis, outer, inner))
    if not found:
        return None
    _, axis, outer, inner = min(found)
    joined = [size for size in (outer, inner) if size > 1]
    return (*target[:axis], *joined, *target[axis + 1 :]), Place(axis=axis, outer=outer > 1, inner=inner > 1)
