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
    """The same for every image. batch: where the array holds the number of images; None: nowhere.

    each: whether it has been repeated for every image; then its first axis, of size 1, stands for them.
    """

    array: Array
    batch: Array | None = None
    each: bool = False

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


Value = Constant | Tensor


def is_made_by(value: Any, op: str) -> bool:
    """Whether a value is a tensor out of such an operator."""
    return isinstance(value, Tensor) and value.made is not None and value.made.op == op
