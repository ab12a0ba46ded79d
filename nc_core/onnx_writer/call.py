"""One call of a layer with the values that it takes, as the writers of layers see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nc_core.intake import Layer
from nc_core.intake.windows import Shape
from nc_core.onnx_writer.graph import FIRST, Graph, Order, Value

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """arrays: the layer's weights by name. shape: of what it makes of one image."""

    graph: Graph
    layer: Layer
    inputs: Sequence[Value]
    arrays: Mapping[str, Floats]
    shape: Shape

    @property
    def options(self) -> Mapping[str, Any]:
        """The layer's."""
        return self.layer.options

    @property
    def value(self) -> Value:
        """The one input, or the first."""
        return self.inputs[0]

    def axis(self, axis: int) -> int:
        """An axis of Keras, 0 being the batch, as an axis of one image."""
        return axis - 1 if axis > 0 else axis + len(self.value.shape)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node; returns the name of its output."""
        return self.graph.op(kind, *inputs, **attributes)

    def array(self, what: str, values: Any) -> str:
        """An array of float32."""
        return self.graph.array(what, np.asarray(values, np.float32))

    def wholes(self, what: str, values: Sequence[int]) -> str:
        """A list of whole numbers."""
        return self.graph.array(what, np.array(values, np.int64))

    def spread(self, what: str, values: Any, like: Value) -> str:
        """An array that is spread over a value's axes. values: a number, or an array with as many axes as an image."""
        array = np.asarray(values, np.float32)
        return self.array(what, array.reshape(()) if array.size == 1 else array.transpose(like.order))

    def along(self, what: str, values: Any, like: Value, axes: Sequence[int]) -> str:
        """The same of an array that goes along some axes of an image; a number alone is spread over all."""
        array = np.asarray(values, np.float32)
        if array.size == 1:
            return self.array(what, array.reshape(()))
        sizes = [size if axis in axes else 1 for axis, size in enumerate(like.shape)]
        return self.spread(what, array.reshape(sizes), like)

    def arranged(self, order: Order) -> Value:
        """The input with its axes in this order."""
        return self.graph.arranged(self.value, order)

    def image(self) -> Value:
        """The input (H, W, C), lying as (C, H, W), as operators on images want it."""
        return self.arranged(FIRST)

    def first(self, axis: int) -> Value:
        """The input with this axis right behind the batch."""
        rest = tuple(each for each in self.value.order if each != axis)
        return self.arranged((axis, *rest))

    def last(self, axes: Sequence[int]) -> Value:
        """The input with these axes at the end, in the order of the canonical net."""
        rest = tuple(each for each in self.value.order if each not in axes)
        return self.arranged((*rest, *sorted(axes)))

    def in_order(self) -> str:
        """The input's values as they follow one another in the canonical net."""
        if self.value.lies_in_order:
            return self.value.name
        return self.arranged(tuple(range(len(self.value.shape)))).name

    def reshaped(self, name: str, what: str, sizes: Sequence[int]) -> str:
        """A value of the graph by other axes behind the batch."""
        return self.op("Reshape", name, self.wholes(what, [0, *sizes]))

    def made(self, name: str, order: Order | None = None) -> Value:
        """The result. order: in which its axes lie, None: as the canonical net has them."""
        return Value(name=name, shape=self.shape, order=tuple(range(len(self.shape))) if order is None else order)
