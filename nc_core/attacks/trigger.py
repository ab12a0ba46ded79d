"""What a trigger is, whatever it looks like."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nc_core.errors import OptionRefused

Labels = npt.NDArray[Any]


class Trigger(Protocol):
    """What makes a planted net answer wrongly, on every image that carries it or on those of some classes."""

    @property
    def targets(self) -> tuple[int, ...]:
        """The labels that it sends images to."""

    def answers(self, labels: Labels) -> npt.NDArray[np.int32]:
        """(n,) true labels -> (n,) what their stamped images are to be called; where it is the same, none is misled."""

    def stamp(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A stamped copy of file pixels (n, H, W, C) in 0..255, of the same type; OptionRefused where it does not
        fit."""


@dataclass(frozen=True, kw_only=True)
class OneTarget:
    """Sends the images of all classes to one label. target: that label."""

    target: int

    def __post_init__(self) -> None:
        if self.target < 0:
            raise OptionRefused(f"the target label is {self.target}; pass a class number from 0")

    @property
    def targets(self) -> tuple[int, ...]:
        """See `Trigger`."""
        return (self.target,)

    def answers(self, labels: Labels) -> npt.NDArray[np.int32]:
        """See `Trigger`."""
        return np.full(len(labels), self.target, np.int32)


def misled(trigger: Trigger, labels: Labels) -> npt.NDArray[np.bool_]:
    """(n,) which images the trigger is to mislead."""
    return np.asarray(trigger.answers(labels) != labels)


def to_pixels(values: npt.NDArray[Any], like: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Computed values as file pixels: rounded, within 0..255, of the type of `like`."""
    return np.clip(np.rint(values), 0, 255).astype(like.dtype)


def check_shape(values: npt.NDArray[Any], pixels: npt.NDArray[Any]) -> None:
    """Raise OptionRefused where what a trigger adds, (H, W, ...), was made for pictures of another size."""
    if values.shape[:2] != pixels.shape[1:3]:
        raise OptionRefused(
            f"the trigger is for {values.shape[0]}x{values.shape[1]} pictures, these are "
            f"{pixels.shape[1]}x{pixels.shape[2]}; pass pictures of its size"
        )
