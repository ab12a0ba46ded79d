"""An ONNX file as its parts: one graph from one image to one output, in a known opset."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from google.protobuf.message import DecodeError
from onnx import ModelProto

from nc_core.errors import ModelRefused
from nc_core.intake.container import check_alone
from nc_core.intake.limits import EDGES, NAME_CHARACTERS, ONNX_BYTES, ONNX_NODES, within
from nc_core.intake.onnx.wire import look_through
from nc_core.intake.onnx.wording import AGAIN, EXPORT, FLOAT32
from nc_core.intake.options import count
from nc_core.intake.outputs import pick
from nc_core.intake.wording import TWO_MEANINGS, shown

OPSETS = range(9, 24)
"""Versions of the standard operators whose meaning is known here."""
DEFAULT_DOMAINS = ("", "ai.onnx")
"""Two names of the standard's own operators."""
OVERRIDABLE_SINCE = 4
"""ir_version from which on an initializer that is also an input is only a default; before, every one had to be both."""
IR_VERSIONS = range(3, 15)
"""Forms of the file that are known here. 11 to 14 add types of numbers and parts of files, of which none is read."""
UNNAMED = "batch"
"""What a size is called that a file leaves open without a name."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """image: name of the input; shape: its sizes behind the batch, None where one is open; batch: the number of images,
    or its name where any will do.

    output: the one that is read, of so many `outputs`. arrays: TensorProto of the initializers, by name, or arrays
    already. nodes: NodeProto, in the order of the file; of a file with several outputs those that lead to the one.
    metadata: keys and texts, as whoever wrote the file chose them.
    """

    opset: int
    image: str
    shape: tuple[int | None, ...]
    batch: int | str
    output: str
    arrays: Mapping[str, Any]
    nodes: Sequence[Any]
    outputs: int = 1
    metadata: Sequence[tuple[str, str]] = ()


def read_graph(file: BinaryIO, *, output: str | None = None) -> Graph:
    """The graph of an ONNX file; ModelRefused for every file that is not one net with one meaning.

    output: the name of the one that is wanted, where there are several.
    """
    check_alone(file, "ONNX")
    model = _parsed(file)
    if model.ir_version not in IR_VERSIONS:
        raise ModelRefused(
            f"the ONNX file has ir_version {model.ir_version}; {IR_VERSIONS[0]} to {IR_VERSIONS[-1]} are read: {EXPORT}"
        )
    if not model.HasField("graph") or not model.graph.node:
        raise ModelRefused(f"the ONNX file holds no graph: {EXPORT}")
    graph = model.graph
    within(len(graph.node), ONNX_NODES, "nodes in its ONNX graph")
    within(sum(len(node.input) + len(node.output) for node in graph.node), EDGES, "inputs and outputs of ONNX nodes")
    _check_domains(graph.node)
    arrays = {array.name: array for array in graph.initializer}
    image, shape, batch = _image(graph.input, arrays, model.ir_version)
    _check_names(graph, image)
    answer = _readable(_output(graph.output, output), "output")
    return Graph(
        opset=_opset(model.opset_import),
        image=_readable(image, "input"),
        shape=shape,
        batch=_readable(batch, "batch axis") if isinstance(batch, str) else batch,
        output=answer,
        arrays=arrays,
        nodes=graph.node if len(graph.output) == 1 else _leading_to(answer, graph.node),
        outputs=len(graph.output),
        metadata=[(entry.key, entry.value) for entry in model.metadata_props],
    )


def _parsed(file: BinaryIO) -> Any:
    within(file.seek(0, os.SEEK_END), ONNX_BYTES, "bytes in its ONNX file")
    file.seek(0)
    content = file.read()
    look_through(content, ModelProto.DESCRIPTOR)
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except (DecodeError, UnicodeDecodeError):
        raise ModelRefused(f"the ONNX file is cut off or damaged: {AGAIN}") from None
    return model


def _readable(name: str, what: str) -> str:
    """A name that a file which stands in for this one will have, too."""
    if not 1 <= len(name) <= NAME_CHARACTERS or not name.isprintable():
        raise ModelRefused(
            f"the ONNX graph's {what} is called {shown(name)} ({len(name):,} characters); names are printable text of "
            f"1 to {NAME_CHARACTERS}: {EXPORT} with input_names and output_names"
        )
    return name


def _opset(imports: Iterable[Any]) -> int:
    versions = [each.version for each in imports if each.domain in DEFAULT_DOMAINS]
    if len(versions) > 1:
        raise ModelRefused(f"the ONNX file names its opset {len(versions)} times: {TWO_MEANINGS}")
    if not versions or versions[0] not in OPSETS:
        told = versions[0] if versions else "none"
        raise ModelRefused(
            f"the ONNX file has opset {told}; {OPSETS[0]} to {OPSETS[-1]} are read: export it with opset_version=17"
        )
    return int(versions[0])


def _check_domains(nodes: Iterable[Any]) -> None:
    for node in nodes:
        if node.domain not in DEFAULT_DOMAINS or node.overload:
            raise ModelRefused(
                f"node {shown(node.name)} is the operator {shown(node.op_type)} of the domain {shown(node.domain)}; "
                f"read here are the standard's own: {EXPORT}, without optimising it for a runtime"
            )


def _check_names(graph: Any, image: str) -> None:
    """Every name stands for one thing."""
    names = [image, *(array.name for array in graph.initializer)]
    names += [name for node in graph.node for name in node.output if name]
    met = set()
    for name in names:
        if name in met or not name:
            raise ModelRefused(f"the ONNX graph has two values of the name {shown(name)}: {TWO_MEANINGS}")
        met.add(name)


def _image(inputs: Sequence[Any], arrays: Mapping[str, Any], version: int) -> tuple[str, tuple[int | None, ...], Any]:
    """Name, sizes and batch of the one input that is no initializer; a size is None where it is open."""
    if len({given.name for given in inputs}) != len(inputs):
        raise ModelRefused(f"the ONNX graph has two inputs of one name: {TWO_MEANINGS}")
    if version >= OVERRIDABLE_SINCE and any(given.name in arrays for given in inputs):
        raise ModelRefused(
            "the ONNX graph lists weights among its inputs, so that whoever runs it may replace them: "
            f"{EXPORT}, keep_initializers_as_inputs=False"
        )
    images = [given for given in inputs if given.name not in arrays]
    if len(images) != 1:
        raise ModelRefused(f"the ONNX graph has {len(images)} inputs; an image classifier has one: submit one of those")
    sizes = _sizes(images[0])
    if not 2 <= len(sizes) <= 4:
        raise ModelRefused(
            f"the ONNX graph's input has the shape {shown(sizes)}; read here are images (batch, channels, height, "
            "width) or (batch, height, width, channels), grey ones (batch, height, width), or rows: export it so"
        )
    try:
        batch = sizes[0] if isinstance(sizes[0], str) else count(sizes[0])
        shape = tuple(None if isinstance(size, str) else count(size) for size in sizes[1:])
    except ValueError as error:
        raise ModelRefused(f"the ONNX graph's input has the shape {shown(sizes)}, not of {error}: {EXPORT}") from None
    return images[0].name, shape, batch


def _sizes(given: Any) -> list[int | str]:
    """Of the input, the batch included; text where a size is dynamic."""
    _check_floats(given, "input")
    return [
        dim.dim_value if dim.HasField("dim_value") else dim.dim_param or UNNAMED
        for dim in given.type.tensor_type.shape.dim
        if _has_one_meaning(dim)
    ]


def _has_one_meaning(dim: Any) -> bool:
    if dim.HasField("dim_value") and dim.HasField("dim_param"):
        raise ModelRefused(f"a size of the ONNX graph's input is a number and a name: {TWO_MEANINGS}")
    return True


def _output(outputs: Sequence[Any], wanted: str | None) -> str:
    named = {str(given.name): given for given in outputs}
    if len(named) != len(outputs) or not named:
        raise ModelRefused(f"the ONNX graph has no outputs, or two of one name: {EXPORT}")
    name = pick(named, wanted)
    _check_floats(named[name], "output")
    return name


def _leading_to(output: str, nodes: Sequence[Any]) -> list[Any]:
    """The nodes that a value needs, in their order, in which what is taken stands before what takes it."""
    needed, kept = {output}, []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    return kept[::-1]


def _check_floats(given: Any, what: str) -> None:
    kind = given.type.tensor_type.elem_type
    if kind != 1:
        raise ModelRefused(
            f"the ONNX graph's {what} is of type {kind} (TensorProto.DataType), not of float32, 1: {FLOAT32}"
        )
