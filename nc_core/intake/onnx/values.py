"""What a name of an ONNX graph stands for while that is walked through: an array, or what a layer makes of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nc_core.intake.onnx.arrays import Array
from nc_core.intake.windows import Shape

Order = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Constant:
    """The same for every image.

    batch: where the array holds the number of images, or a multiple of it; None: nowhere. Where the file leaves that
    number open the array has 1 in its place. each: the axis, of size 1, along which it has been repeated for every
    image; None where it has not.
    """

    array: Array
    batch: Array | None = None
    each: int | None = None

    @property
    def marks(self) -> Array:
        """The same as `batch`, everywhere."""
        return np.zeros(self.array.shape, bool) if self.batch is None else self.batch


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """The operator that a value came out of, what that one was given, and the axes of one image that it works along."""

    op: str
    inputs: Sequence["Value | None"]
    axes: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Tensor:
    """Values of one image.

    node: of the canonical net; None where no layer makes them, and an operator further on has to. shape: by the axes of
    ONNX without the batch. order: those axes as the canonical net has them, (1, 2, 0) where (C, H, W) is kept as
    (H, W, C). positive: whether no value can be below 0.
    """

    node: int | None
    shape: Shape
    order: Order
    made: Made | None = None
    positive: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a tensor of ONNX has its batch. axis: which one it is, or is joined in.

    outer, inner: whether an axis of the image is joined with it, in front of it and behind: (batch x heads, n, d) has
    axis 0 and an inner one.
    """

    axis: int = 0
    outer: bool = False
    inner: bool = False

    @property
    def joined(self) -> int:
        """How many axes of the image are joined with the batch."""
        return self.outer + self.inner

    def blocks(self, rank: int) -> list[list[int]]:
        """The axes of the image that each axis of ONNX is made of. rank: of the image."""
        with_batch = list(range(self.axis, self.axis + self.joined))
        behind = range(self.axis + self.joined, rank)
        return [*([axis] for axis in range(self.axis)), with_batch, *([axis] for axis in behind)]


FIRST = Place()


@dataclass(frozen=True, kw_only=True, eq=False)
class Moved:
    """A tensor whose batch is elsewhere than in an axis of its own before all others.

    The axes of the image keep the order in which ONNX has them.
    """

    tensor: Tensor
    place: Place


Value = Constant | Tensor


def placed(tensor: Tensor, place: Place) -> Tensor | Moved:
    """A tensor with its batch there."""
    return tensor if place == FIRST else Moved(tensor=tensor, place=place)


def is_made_by(value: Any, op: str) -> bool:
    """Whether a value is a tensor out of such an operator."""
    return isinstance(value, Tensor) and value.made is not None and value.made.op == op
