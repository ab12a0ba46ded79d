"""One node of an ONNX graph with the values that it takes, as the operators see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nc_core.errors import ModelRefused
from nc_core.intake.onnx.arrays import Array
from nc_core.intake.onnx.attributes import Attributes
from nc_core.intake.onnx.layout import ANY, sizes
from nc_core.intake.onnx.net import Net
from nc_core.intake.onnx.values import FIRST, Constant, Made, Order, Place, Tensor, Value
from nc_core.intake.onnx.wording import EXPORT, FLOAT32, REBUILD
from nc_core.intake.windows import Shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """batch: the number of images that the file fixes, None where any will do. outputs: how many the node has.

    spend: to be called with the size of every array before it is made. place: where its tensors have the batch. taken:
    the inputs that were looked at.
    """

    net: Net
    op: str
    label: str
    opset: int
    batch: int | None
    inputs: Sequence[Value | None]
    outputs: int
    attributes: Attributes
    spend: Callable[[int], None]
    place: Place = FIRST
    taken: set[int] = field(default_factory=set)

    def refused(self, what: str, instead: str = REBUILD) -> ModelRefused:
        """A refusal of this node. what: it has or does."""
        return ModelRefused(f"node {self.label!r} ({self.op}) {what}: {instead}")

    def at(self, place: int) -> Value | None:
        """An input; None where it is left out."""
        self.taken.add(place)
        return self.inputs[place] if place < len(self.inputs) else None

    def check_all_taken(self) -> None:
        """Raise ModelRefused where an input or an attribute is left: it may change what the node computes."""
        self.attributes.check_all_read()
        for place, value in enumerate(self.inputs):
            if value is not None and place not in self.taken:
                raise self.refused(f"has an input {place} that its operator has not in opset {self.opset}", EXPORT)

    def value(self, place: int) -> Value:
        """An input that must be there."""
        found = self.at(place)
        if found is None:
            raise self.refused(f"lacks its input {place}", EXPORT)
        return found

    def tensor(self, place: int = 0) -> Tensor:
        """An input that depends on the image."""
        found = self.value(place)
        if isinstance(found, Constant):
            raise self.refused(f"takes as its input {place} what is the same for every image")
        return found

    def fixed(self, place: int) -> Constant:
        """An input that is the same for every image, with the number of images where it holds that."""
        found = self.value(place)
        if isinstance(found, Tensor):
            raise self.refused("takes for a constant what is computed from the image")
        return found

    def constant(self, place: int) -> Array | None:
        """An input that is the same for every image and number of images; None where it is left out."""
        found = self.at(place)
        if found is None:
            return None
        if isinstance(found, Tensor):
            raise self.refused(
                f"takes as its input {place} what is computed from the image, and only constants do there"
            )
        if found.each is not None:
            raise self.refused("takes for a constant what is repeated for every image")
        if found.batch is not None and found.batch.any():
            raise self.refused("takes the number of images for a size of something else", EXPORT)
        return found.array

    def weights(self, place: int) -> Array:
        """The same, as float32 weights that must be there."""
        found = self.constant(place)
        if found is None:
            raise self.refused(f"lacks its input {place}", EXPORT)
        if found.dtype != np.float32:
            raise self.refused(f"has weights of {found.dtype}, and float32 is read", FLOAT32)
        return found

    def wholes(self, place: int) -> list[int] | None:
        """A constant list of whole numbers; None where it is left out."""
        found = self.constant(place)
        if found is None:
            return None
        if found.dtype.kind != "i" or found.ndim > 1:
            raise self.refused(f"has as its input {place} no list of whole numbers", EXPORT)
        return [int(number) for number in found.reshape(-1)]

    def number(self, place: int) -> float | None:
        """A constant number; None where it is left out."""
        found = self.constant(place)
        if found is None:
            return None
        if found.size != 1 or found.dtype.kind not in "fi":
            raise self.refused(f"has as its input {place} no single number", EXPORT)
        return float(found.reshape(-1)[0])

    def axis(self, axis: int, rank: int) -> int:
        """An axis of ONNX, the batch included, as a place among those of one image. rank: without the batch."""
        blocks = self.place.blocks(rank)
        at = axis if axis >= 0 else axis + len(blocks)
        if not 0 <= at < len(blocks) or at == self.place.axis:
            where = "the batch" if at == self.place.axis else f"an axis that a tensor of {len(blocks)} axes has not"
            raise self.refused(f"works along axis {axis}, {where}, and images are answered one by one")
        return blocks[at][0]

    def axes_from(self, axis: int, rank: int) -> list[int]:
        """An axis of ONNX and all behind it, likewise."""
        first = self.axis(axis, rank)
        if first < self.place.axis:
            raise self.refused(f"works along all axes from {axis} on, the batch among them")
        return list(range(first, rank))

    def sizes(self, tensor: Tensor) -> list[int]:
        """The sizes of a tensor's axes in ONNX; a number of images that the file leaves open is ANY."""
        return sizes(tensor.shape, self.place, self.batch or ANY)

    def is_count(self, size: int) -> bool:
        """Whether a size that a constant marks as a multiple of the number of images is that number."""
        return size == (self.batch or 1)

    def axes(self, axes: Sequence[int], rank: int) -> list[int]:
        """The same of several, which must be different ones."""
        places = [self.axis(axis, rank) for axis in axes]
        if len(set(places)) != len(places):
            raise self.refused(f"names an axis twice, {list(axes)}", EXPORT)
        return places

    def image(self, tensor: Tensor) -> int:
        """The node of a tensor (C, H, W), as (H, W, C)."""
        if len(tensor.shape) != 3:
            raise self.refused(f"takes a tensor of {len(tensor.shape) + 1} axes; read here are images of four")
        return self.net.arranged(tensor, IMAGE)

    def layer(self, kind: str, node: int, arrays: Sequence[Array] = (), /, **options: Any) -> int:
        """A layer on one node; returns its own."""
        return self.net.call(kind, [node], options, arrays)

    def as_image(self, node: int, *, positive: bool = False) -> Tensor:
        """A node (H, W, C) as a tensor (C, H, W)."""
        height, width, channels = self.net.stored(node)
        return Tensor(node=node, shape=(channels, height, width), order=IMAGE, positive=positive)

    def same(self, tensor: Tensor, node: int, *, positive: bool = False) -> Tensor:
        """A node whose values lie as those of a tensor."""
        return Tensor(node=node, shape=tensor.shape, order=tensor.order, made=self.made(), positive=positive)

    def arranged(self, tensor: Tensor, order: Order) -> Tensor:
        """The same values in this order."""
        node = self.net.arranged(tensor, order)
        return Tensor(node=node, shape=tensor.shape, order=order, made=tensor.made, positive=tensor.positive)

    def unfinished(self, shape: Shape) -> Tensor:
        """A result that no layer makes; operators that know what it is part of find what made it."""
        return Tensor(node=None, shape=shape, order=tuple(range(len(shape))), made=self.made())

    def made(self) -> Made:
        """What the results of this call come out of."""
        return Made(op=self.op, inputs=self.inputs)


def transposed(call: Call, tensor: Tensor, perm: Sequence[int]) -> Tensor:
    """Axes of one image in another order."""
    return Tensor(
        node=call.net.node(tensor),
        shape=tuple(tensor.shape[axis] for axis in perm),
        order=tuple(perm.index(axis) for axis in tensor.order),
        positive=tensor.positive,
    )


IMAGE: Order = (1, 2, 0)
"""(C, H, W) kept as (H, W, C)."""
