"""ONNX files that name what is not in them, are no graph of the standard's operators, or mean two things."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.differential.onnx.graphs import Graph
from tests.hostile.families.case import Case, stored

Change = Callable[[Any], object]
Make = Callable[[Graph, str], str]


def classifier() -> onnx.ModelProto:
    """Conv, BatchNormalization, Relu, Flatten, Gemm: images of 3x8x8 in four classes."""
    graph = Graph(13)
    x = graph.op("Relu", graph.norm(graph.conv(graph.image, 3, 4), 4))
    return graph.model(graph.answer(x, 256))


def bytes_of(model: onnx.ModelProto) -> bytes:
    return bytes(model.SerializeToString())


def changed(change: Change) -> bytes:
    """The classifier with something changed in place."""
    model = classifier()
    change(model)
    return bytes_of(model)


def net(make: Make, opset: int = 17, batch: int | str = "batch", values: int = 192) -> bytes:
    """What `make` does to the image, made classes of."""
    graph = Graph(opset, batch=batch)
    return graph.file(graph.answer(make(graph, graph.image), values))


def operator(kind: str, opset: int = 17, **attributes: Any) -> bytes:
    """One operator on the image."""
    return net(lambda g, x: g.op(kind, x, **attributes), opset)


def _node(model: Any, op: str) -> Any:
    return next(node for node in model.graph.node if node.op_type == op)


def _array(model: Any, axes: int = 4) -> Any:
    return next(array for array in model.graph.initializer if len(array.dims) == axes)


def _input(*shape: Any, kind: int = TensorProto.FLOAT) -> Change:
    def change(model: Any) -> None:
        model.graph.input[0].CopyFrom(helper.make_tensor_value_info("image", kind, shape))

    return change


def _subgraph(model: Any) -> None:
    body = helper.make_graph([], "body", [], [])
    _node(model, "Relu").attribute.add(name="body", type=onnx.AttributeProto.GRAPH).g.CopyFrom(body)


def _function(model: Any) -> None:
    model.functions.add(name="Relu", domain="custom")


def _external(model: Any) -> None:
    array = _array(model)
    array.ClearField("raw_data")
    array.data_location = TensorProto.EXTERNAL
    array.external_data.add(key="location", value="../../etc/passwd")


def _sparse(model: Any) -> None:
    model.graph.sparse_initializer.add().dims.append(4)


def _stored_twice(model: Any) -> None:
    array = _array(model, 1)
    array.float_data.extend([0.0] * array.dims[0])


def _swapped_dims(model: Any) -> None:
    array = _array(model, 2)
    array.dims[0] = 7


def _of_type(dtype: Any) -> Change:
    """All weights of another type."""

    def change(model: Any) -> None:
        for array in model.graph.initializer:
            array.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(array).astype(dtype), array.name))

    return change


def _not_finite(model: Any) -> None:
    array = _array(model)
    values = numpy_helper.to_array(array).copy()
    values[0, 0, 0, 0] = np.inf
    array.CopyFrom(numpy_helper.from_array(values, array.name))


def _renamed(model: Any) -> None:
    model.graph.node[1].output[0] = model.graph.node[0].output[0]


def _shadowed(model: Any) -> None:
    model.graph.node[0].output[0] = model.graph.initializer[0].name


def _cycle(model: Any) -> None:
    model.graph.node[0].input[0] = model.graph.node[2].output[0]


def _overridable(model: Any) -> None:
    array = _array(model)
    model.graph.input.append(helper.make_tensor_value_info(array.name, TensorProto.FLOAT, array.dims))


def _second_output(model: Any) -> None:
    model.graph.output.append(helper.make_tensor_value_info(model.graph.node[0].output[0], TensorProto.FLOAT, None))


def _second_input(model: Any) -> None:
    model.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, [1]))


def _attribute(op: str, name: str, value: Any) -> Change:
    return lambda model: _node(model, op).attribute.append(helper.make_attribute(name, value))


def _opset(*versions: tuple[str, int]) -> Change:
    def change(model: Any) -> None:
        del model.opset_import[:]
        model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in versions)

    return change


def _training(model: Any) -> None:
    _opset(("", 14))(model)
    _attribute("BatchNormalization", "training_mode", 1)(model)


def _unknown_layout() -> bytes:
    graph = Graph(17, (5, 6, 7))
    return graph.file(graph.answer(graph.image, 210))


def _extended(extra: bytes) -> bytes:
    return bytes_of(classifier()) + extra


def _merged_graph() -> bytes:
    """A second message of the field that a parser joins with the first: another output's weights."""
    other = onnx.ModelProto()
    other.graph.initializer.append(numpy_helper.from_array(np.ones(4, np.float32), "more"))
    return _extended(other.SerializeToString())


def _with_zip() -> bytes:
    """The same bytes with a zip's end at their end, within a text."""
    model = classifier()
    end = b"PK\x05\x06" + bytes(18)
    return bytes_of(model) + b"\x32" + bytes([len(end)]) + end


REFUSED: dict[str, Case] = {
    name: Case(stored("model.onnx", content), said)
    for name, (content, said) in {
        # What is not in the file, or not a graph of operators
        "weights in another file": (changed(_external), "keeps weights in another file"),
        "sparse weights": (changed(_sparse), "sparse weights"),
        "a function": (changed(_function), "functions of its own"),
        "a subgraph": (changed(_subgraph), "control flow"),
        "training": (changed(lambda m: m.training_info.add()), "one for training"),
        "several devices": (changed(lambda m: m.configuration.add(name="two")), "several devices"),
        "a quantised tensor": (changed(lambda m: m.graph.quantization_annotation.add(tensor_name="x")), "quantised"),
        "a custom domain": (changed(lambda m: setattr(_node(m, "Relu"), "domain", "com.microsoft")), "com.microsoft"),
        "an ai.onnx.ml operator": (changed(lambda m: setattr(_node(m, "Relu"), "domain", "ai.onnx.ml")), "ai.onnx.ml"),
        "an overload": (changed(lambda m: setattr(_node(m, "Relu"), "overload", "mine")), "the standard's own"),
        "a quantised operator": (operator("QuantizeLinear"), "is quantised"),
        "another quantised operator": (operator("DequantizeLinear"), "is quantised"),
        "an unknown operator": (operator("Det"), "'Det', which is not read"),
        "an operator of Python": (operator("__import__('os').system('touch /tmp/owned')"), "not read here"),
        "no graph": (bytes_of(onnx.ModelProto(ir_version=8, producer_name="x" * 40)), "holds no graph"),
        # Versions
        "an unknown opset": (changed(_opset(("", 24))), "opset 24; 9 to 23"),
        "an old opset": (changed(_opset(("", 8))), "opset 8; 9 to 23"),
        "no opset": (changed(_opset(("ai.onnx.ml", 2))), "opset none"),
        "two opsets": (changed(_opset(("", 13), ("ai.onnx", 9))), "opset 2 times"),
        "an unknown ir_version": (changed(lambda m: setattr(m, "ir_version", 99)), "ir_version 99"),
        "an operator before its time": (operator("HardSwish", 13), "opset 13 has not"),
        "an operator after its time": (
            net(lambda g, x: g.op("Upsample", x, g.array([1, 1, 2, 2])), 10),
            "opset 10 has not",
        ),
        # Inputs and outputs
        "two inputs": (changed(_second_input), "2 inputs"),
        "two outputs": (changed(_second_output), "2 outputs"),
        "weights that may be replaced": (changed(_overridable), "keep_initializers_as_inputs=False"),
        "a dynamic height": (changed(_input("batch", 3, "height", 8)), "--input-shape"),
        "a size without a number": (changed(_input("batch", 3, None, 8)), "--input-shape"),
        "a size of 0": (changed(_input("batch", 3, 0, 8)), "not of a whole number"),
        "features for an image": (changed(_input("batch", 192)), "for colours export"),
        "channels that nothing tells": (_unknown_layout(), "nothing tells which"),
        "a float16 image": (changed(_input("batch", 3, 8, 8, kind=TensorProto.FLOAT16)), "float32"),
        "a uint8 image": (changed(_input("batch", 3, 8, 8, kind=TensorProto.UINT8)), "float32"),
        "an output that is none": (changed(lambda m: setattr(m.graph.output[0], "name", "x")), "nothing before it"),
        # Weights
        "float16 weights": (changed(_of_type(np.float16)), "float32"),
        "float64 weights": (changed(_of_type(np.float64)), "float32"),
        "uint8 weights": (changed(_of_type(np.uint8)), "of uint8"),
        "weights that are not finite": (changed(_not_finite), "not finite"),
        "values in two fields": (changed(_stored_twice), "values twice"),
        "values of another field": (
            changed(lambda m: (_array(m, 1).ClearField("raw_data"), _array(m, 1).int64_data.extend([1] * 4))),
            "as int64_data",
        ),
        "half a number": (changed(lambda m: setattr(_array(m, 1), "raw_data", b"\0" * 15)), "no whole number"),
        "weights shorter than they say": (changed(_swapped_dims), "holds 1,024 values"),
        "a size below 0": (changed(lambda m: _array(m, 1).dims.append(-1)), "up to 8 axes"),
        "bytes beyond the end": (bytes_of(classifier())[:-40], "cut off or damaged"),
        # Names
        "two results of one name": (changed(_renamed), "two values of the name"),
        "a result with an array's name": (changed(_shadowed), "two values of the name"),
        "a cycle": (changed(_cycle), "nothing before it"),
        "an undefined name": (changed(lambda m: m.graph.node[0].input.__setitem__(0, "x")), "nothing before it"),
        # Two meanings of the same bytes
        "a second graph": (_merged_graph(), "ModelProto.graph twice"),
        "a second version": (_extended(b"\x08\x07"), "ModelProto.ir_version twice"),
        "an unknown field": (_extended(b"\xf2\x07\x01x"), "field 126"),
        "a field of another type": (_extended(b"\x15\0\0\0\0"), "cut off or damaged"),
        "a group": (_extended(b"\x33\x34"), "cut off or damaged"),
        "a zip within": (_with_zip(), "zip archive"),
        "a name that is no text": (_extended(b"\x32\x01\xff"), "no UTF-8"),
        # Attributes
        "an unknown attribute": (changed(_attribute("Relu", "slope", 0.1)), "attribute 'slope'"),
        "an attribute twice": (changed(_attribute("Gemm", "transB", 0)), "an attribute twice"),
        "an attribute of another type": (changed(_attribute("Gemm", "alpha", 2)), "not of the type"),
        "axes where they are an input": (operator("Unsqueeze", 13, axes=[1]), "attribute 'axes'"),
        "bounds where they are attributes": (
            net(lambda g, x: g.op("Clip", x, g.array(0.0), g.array(1.0)), 9),
            "input 1 that its operator has not in opset 9",
        ),
        "axes where they are an attribute": (
            net(lambda g, x: g.op("ReduceMean", x, g.whole(2), axes=[1]), 13),
            "input 1 that its operator has not in opset 13",
        ),
        "batch normalisation in training": (
            changed(_attribute("BatchNormalization", "training_mode", 1)),
            "attribute 'training_mode'",
        ),
        "batch normalisation in training since opset 14": (changed(_training), "training mode"),
    }.items()
}

QUARANTINED = ("weights in another file", "a second graph", "an operator of Python", "a cycle")
CASES = {name: REFUSED[name] for name in QUARANTINED}
"""Those that are also read in quarantine; all are in test_onnx."""
