"""Tree and arrays -> the canonical model: shapes inferred, arrays checked against them, head found."""

from collections.abc import Callable, Sequence
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.analysis import analyse
from nc_core.intake.canonical import CanonicalModel, Layer
from nc_core.intake.equivalents import EQUIVALENTS
from nc_core.intake.floats import Floats
from nc_core.intake.graph import FlatLayer, Graph, flatten
from nc_core.intake.hdf5 import read_floats
from nc_core.intake.input_shape import image_shape
from nc_core.intake.limits import unpacked_limit, within
from nc_core.intake.outputs import left_out
from nc_core.intake.shapes import size
from nc_core.intake.sized import fitted
from nc_core.intake.tree import Leaf, Model
from nc_core.intake.weights import Arrays
from nc_core.intake.windows import Shape, WeightShapes
from nc_core.intake.wording import shown

Read = Callable[[Any, str], Floats]
"""From one of a file's arrays, and what to call it in messages, to its values."""


def assemble(
    model: Model, arrays: Arrays, *, stored: int, input_shape: str | None = None, read: Read = read_floats
) -> CanonicalModel:
    """The canonical model; ModelRefused where shapes, weights or the head do not make an image classifier.

    stored: bytes of the file, by which its weights may be compressed no further than weights are. input_shape: what the
    user says of the size of its pictures. read: of the arrays, which have a `shape`.
    """
    image = image_shape(_input_sizes(model), input_shape)
    graph = flatten(model, image)
    layers = tuple(fitted(graph.layers, [_canonical(flat) for flat in graph.layers], graph.nodes, image))
    found = analyse(layers, graph.nodes, graph.output, image)
    _check_operations(graph, found.shapes)
    _check_built(graph, found.shapes)
    parameters = sum(size(shape) for named in found.weight_shapes.values() for shape in named.values())
    within(4 * parameters, unpacked_limit(stored), f"bytes of weights in a file of {stored:,}")
    weights: dict[str, Floats] = {}
    for number, flat in enumerate(graph.layers):
        weights |= _read_layer(flat, found.weight_shapes[number], arrays, read)
    return CanonicalModel(
        input_shape=image,
        layers=layers,
        nodes=tuple(graph.nodes),
        output=graph.output,
        head=found.head,
        classes=found.classes,
        weights=weights,
        note=left_out(len(model.outputs), _name_of(model)),
    )


def _name_of(model: Model) -> str:
    return next(name for name, ref in model.outputs.items() if ref == model.output)


def _input_sizes(model: Model) -> tuple[int | None, ...] | None:
    given = model.children[model.inputs[0]]
    return given.shape if isinstance(given, Leaf) else None


def _check_operations(graph: Graph, shapes: Sequence[Shape]) -> None:
    """An operation lines up the last axes of its inputs, a layer their first ones: alike where they are as many."""
    for node in graph.nodes:
        if node.layer is None or not graph.layers[node.layer].leaf.operation:
            continue
        inputs = [shapes[source] for source in node.inputs]
        if len({len(shape) for shape in inputs}) != 1:
            raise ModelRefused(
                f"layer {graph.layers[node.layer].name!r} is an operation on tensors of different numbers of axes, "
                f"{' and '.join(str((None, *shape)) for shape in inputs)}: put Reshape before it and save the model "
                "again"
            )


def _check_built(graph: Graph, shapes: Sequence[Shape]) -> None:
    """Keras builds a layer for the input that its entry names before it calls it: it must be one that it has."""
    met: dict[int, list[list[Shape]]] = {}
    for node in graph.nodes[1:]:
        if node.layer is not None:
            met.setdefault(node.layer, []).append([shapes[source] for source in node.inputs])
    for number, inputs in met.items():
        flat = graph.layers[number]
        said = flat.leaf.built
        if said and not any(_is_built_for(said, given) for given in inputs):
            raise ModelRefused(
                f"layer {flat.name!r} ({flat.leaf.class_name}) was built for {shown(said)} and is called on "
                f"{' and '.join(str((None, *shape)) for shape in inputs[0])}: save the model again"
            )


def _is_built_for(said: Any, inputs: Sequence[Shape]) -> bool:
    if not isinstance(said, dict) or set(said) != {"input_shape"}:
        return False
    shape = said["input_shape"]
    wanted = [list(each) for each in inputs]
    given = [shape] if len(inputs) == 1 else shape
    return isinstance(given, list) and len(given) == len(wanted) and all(map(_is_size_of, given, wanted))


def _is_size_of(said: Any, shape: list[int]) -> bool:
    """A size that is open suits any: of those no weight of a layer depends."""
    if not isinstance(said, list) or len(said) != 1 + len(shape):
        return False
    return all(size is None or size == actual for size, actual in zip(said[1:], shape, strict=True))


def _canonical(flat: FlatLayer) -> Layer:
    return Layer(
        name=flat.name,
        kind=flat.leaf.kind,
        options=flat.leaf.options,
        weights=tuple(f"{flat.name}/{weight}" for weight in flat.leaf.weight_names),
    )


def _read_layer(flat: FlatLayer, shapes: WeightShapes, arrays: Arrays, read: Read) -> dict[str, Floats]:
    """The arrays of one layer by canonical key. Shapes are compared before a byte is read."""
    if flat.path is None:
        return {}
    leaf, names = flat.leaf, flat.leaf.weight_names
    stored = arrays.get(flat.path, [])
    spare = 1 if leaf.kind == "Normalization" else 0  # its counter says nothing about the net
    if not len(names) <= len(stored) <= len(names) + spare:
        raise ModelRefused(
            f"layer {flat.name!r} ({leaf.class_name}) has {len(stored)} weight arrays in the file, expected "
            f"{len(names)} ({', '.join(names)})"
        )
    found = {}
    for name, dataset in zip(names, stored, strict=False):
        expected = EQUIVALENTS[leaf.stored_as].stored(shapes[name]) if leaf.stored_as else shapes[name]
        if dataset.shape != expected:
            raise ModelRefused(
                f"{name} of layer {flat.name!r} ({leaf.class_name}) has the shape {dataset.shape} in the "
                f"file, expected {expected}"
            )
        array = read(dataset, f"weights of layer {flat.name!r} ({name})")
        found[f"{flat.name}/{name}"] = array.reshape(shapes[name])
    return found
