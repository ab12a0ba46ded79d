"""Walks through an ONNX graph, node by node, and builds the net of it."""

from typing import Any

import numpy as np

from nc_core.errors import ModelRefused
from nc_core.intake.limits import ONNX_FOLDED, within
from nc_core.intake.onnx.arrays import decoded
from nc_core.intake.onnx.attributes import Attributes
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.file import Graph
from nc_core.intake.onnx.folding import applies, folded
from nc_core.intake.onnx.image import Picture
from nc_core.intake.onnx.moved import resettled, settled
from nc_core.intake.onnx.net import Net
from nc_core.intake.onnx.operators import OPERATORS, QUANTISED, Operator
from nc_core.intake.onnx.values import Constant, Moved, Tensor, Value, is_made_by
from nc_core.intake.onnx.wording import EXPORT, FLOAT32, REBUILD
from nc_core.intake.wording import shown

LABEL = 100
"""Letters of a node's name that are kept."""


class Walk:
    """What the names of a graph stand for, and the net so far."""

    def __init__(self, graph: Graph, picture: Picture) -> None:
        self._graph = graph
        self._spent = 0
        self.net = Net(picture.image)
        self._values: dict[str, Value | Moved] = {graph.image: self._image(picture)}

    def _image(self, picture: Picture) -> Tensor:
        """The input as the graph has it."""
        node = 0
        if picture.sizes is not None:
            self.net.label = self._graph.image[:LABEL]
            target = {"target_shape": list(picture.shape)}
            node = (
                self.net.call("Reshape", [0], target) if len(picture.shape) > 1 else self.net.call("Flatten", [0], {})
            )
        return Tensor(node=node, shape=picture.shape, order=picture.order)

    def output(self) -> tuple[int, bool]:
        """The node of the graph's output, and whether a final LogSoftmax behind it is left out."""
        for node in self._graph.nodes:
            self._read(node)
        self.net.label = self._graph.output
        value: Any = self._value(self._graph.output)
        scores = is_made_by(value, "LogSoftmax")
        if scores:
            value = value.made.inputs[0]
        if isinstance(value, Constant):
            raise ModelRefused(
                f"the ONNX graph's output is the same for every image, and that is no classifier: {EXPORT}"
            )
        if isinstance(value, Moved):
            raise ModelRefused(
                f"the ONNX graph's output has the batch in other axes than the first: {EXPORT} so that each image has "
                "a row of scores"
            )
        return self.net.arranged(value, tuple(range(len(value.shape)))), scores

    def _value(self, name: str) -> Value | Moved:
        """What a name stands for; arrays are decoded when they are first taken."""
        if name not in self._values:
            array = self._graph.arrays.get(name)
            if array is None:
                raise ModelRefused(
                    f"node {self.net.label!r} takes {shown(name)}, which nothing before it in the ONNX graph makes: "
                    f"{EXPORT}"
                )
            plain = array if isinstance(array, np.ndarray) else decoded(array, f"array {shown(name)}")
            self._values[name] = Constant(array=plain)
        return self._values[name]

    def _read(self, node: Any) -> None:
        self.net.label = (node.name or (node.output[0] if node.output else "") or node.op_type)[:LABEL]
        label = shown(self.net.label)[1:-1]
        operator = self._operator(node)
        call = Call(
            net=self.net,
            op=node.op_type,
            label=label,
            opset=self._graph.opset,
            batch=self._graph.batch if isinstance(self._graph.batch, int) else None,
            inputs=[],
            outputs=sum(bool(name) for name in node.output),
            attributes=Attributes(node.attribute, label),
            spend=self._spend,
        )
        call = settled(call, [self._value(name) if name else None for name in node.input])
        self._keep(node, call, resettled(call, folded(call) if applies(call) else operator.read(call)))

    def _spend(self, size: int) -> None:
        self._spent += size
        within(self._spent, ONNX_FOLDED, "numbers that its ONNX graph works out from constants")

    def _keep(self, node: Any, call: Call, results: object) -> None:
        call.check_all_taken()
        listed = results if isinstance(results, list) else [results]
        for name, result in zip(node.output, listed, strict=False):
            if name:
                self._values[name] = result

    def _operator(self, node: Any) -> Operator:
        name, operator = node.op_type, OPERATORS.get(node.op_type)
        if operator is None:
            if name.startswith(QUANTISED):
                raise ModelRefused(f"the ONNX net is quantised, by the operator {shown(name)}: {FLOAT32}")
            raise ModelRefused(
                f"node {self.net.label!r} is the operator {shown(name)}, which is not read here because only operators "
                f"that are layers of Keras are: {REBUILD}"
            )
        if not operator.since <= self._graph.opset <= operator.until:
            raise ModelRefused(
                f"node {self.net.label!r} is the operator {name}, which opset {self._graph.opset} has not: {EXPORT}"
            )
        least, most = operator.inputs
        if not least <= len(node.input) <= most or not 1 <= len(node.output) <= operator.outputs:
            raise ModelRefused(
                f"node {self.net.label!r} ({name}) has {len(node.input)} inputs and {len(node.output)} outputs: "
                f"{EXPORT}"
            )
        return operator
