"""An ONNX graph under construction, and what its names hold: values of one image, whichever way their axes lie."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from nc_core.intake.windows import Shape

Order = tuple[int, ...]
LAST: Order = (0, 1, 2)
FIRST: Order = (2, 0, 1)
"""(H, W, C) that lies as it is, and that lies as (C, H, W)."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """name: in the graph. shape: of one image, as the canonical net has it. order: its axes as they lie in the graph,
    behind the batch."""

    name: str
    shape: Shape
    order: Order

    @property
    def lies_in_order(self) -> bool:
        """Whether the values follow one another as in the canonical net; axes of size 1 may lie anywhere."""
        wide = [axis for axis in self.order if self.shape[axis] > 1]
        return wide == sorted(wide)

    def place(self, axis: int) -> int:
        """Where an axis of one image is in the graph, the batch included."""
        return 1 + self.order.index(axis)


class Graph:
    """Nodes and arrays, named after the layer that is written, `label`. taken: names that stand for something else."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.label = ""
        self.nodes: list[NodeProto] = []
        self.arrays: list[TensorProto] = []
        self._taken = set(taken)
        self._copies: dict[str, int] = {}
        self._kept: dict[tuple[str, str], tuple[str, npt.NDArray[Any]]] = {}
        self._moved: dict[tuple[str, Order], str] = {}

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node; returns the name of its one output."""
        name = self._fresh(self.label)
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def array(self, what: str, values: npt.NDArray[Any]) -> str:
        """An array of the layer that is written; the same one for each of its calls, unless these need others."""
        known = self._kept.get((self.label, what))
        if known is not None and known[1].shape == values.shape and np.array_equal(known[1], values):
            return known[0]
        name = self._fresh(f"{self.label}.{what}")
        self.arrays.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        self._kept[self.label, what] = name, values
        return name

    def arranged(self, value: Value, order: Order) -> Value:
        """The same values with their axes in this order."""
        if value.order == order:
            return value
        move = (0, *(value.place(axis) for axis in order))
        if (value.name, move) not in self._moved:
            self._moved[value.name, move] = self.op("Transpose", value.name, perm=list(move))
        return Value(name=self._moved[value.name, move], shape=value.shape, order=order)

    def end(self, name: str, output: str) -> None:
        """Call what has this name by that of the graph's output."""
        for node in self.nodes:
            for names in (node.input, node.output):
                for at, each in enumerate(names):
                    names[at] = output if each == name else each

    def _fresh(self, wanted: str) -> str:
        name = wanted
        while name in self._taken:
            self._copies[wanted] = self._copies.get(wanted, 0) + 1
            name = f"{wanted}_{self._copies[wanted]}"
        self._taken.add(name)
        return name
