"""What follows from layers and calls alone: every shape, and what the output means."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nc_core.errors import ModelRefused
from nc_core.intake.canonical import Head, Layer, Node
from nc_core.intake.effort import Effort, effort
from nc_core.intake.head import final_node, find_head
from nc_core.intake.limits import OPERATIONS_PER_IMAGE, PARAMETERS, POOLING, VALUES_PER_IMAGE, within
from nc_core.intake.shapes import infer, size
from nc_core.intake.windows import Shape, WeightShapes


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The output shape of every node, without the batch axis; the shapes of the weights of every layer, by its number;
    what each call of a layer needs besides; the head and the number of classes.
    """

    shapes: Sequence[Shape]
    weight_shapes: Mapping[int, WeightShapes]
    efforts: Sequence[Effort]
    head: Head
    classes: int


def analyse(layers: Sequence[Layer], nodes: Sequence[Node], output: int, image: Shape) -> Analysis:
    """ModelRefused where layers do not fit one another, cost too much, or make no image classifier.

    image: (H, W, C). Every layer must be called.
    """
    shapes, weight_shapes = _infer_all(layers, nodes, image)
    efforts = list(_efforts(layers, nodes, shapes, weight_shapes))
    held = sum(map(size, shapes)) + sum(each.working for each in efforts)
    within(held, VALUES_PER_IMAGE, "activation values for one image")
    done = sum(each.multiply_adds + POOLING * each.window_reads for each in efforts)
    within(done, OPERATIONS_PER_IMAGE, "multiplications for one image")
    within(
        sum(size(shape) for named in weight_shapes.values() for shape in named.values()),
        PARAMETERS,
        "parameters",
    )
    head, classes = find_head(layers, nodes, output, shapes)
    _refuse_shared_head(layers, nodes, final_node(layers, nodes, output))
    return Analysis(shapes=shapes, weight_shapes=weight_shapes, efforts=efforts, head=head, classes=classes)


def _infer_all(
    layers: Sequence[Layer], nodes: Sequence[Node], image: Shape
) -> tuple[list[Shape], dict[int, WeightShapes]]:
    """The output shape of every node and the weight shapes of every layer, the same at each of its calls."""
    shapes: list[Shape] = [image]
    weight_shapes: dict[int, WeightShapes] = {}
    for node in nodes[1:]:
        if node.layer is None:
            continue
        layer = layers[node.layer]
        try:
            shape, named = infer(layer.kind, layer.options, [shapes[source] for source in node.inputs])
        except ValueError as error:
            raise ModelRefused(f"layer {layer.name!r} ({layer.kind}) does not fit its input: {error}") from None
        if weight_shapes.setdefault(node.layer, named) != named:
            raise ModelRefused(f"layer {layer.name!r} ({layer.kind}) is called on inputs of different sizes")
        shapes.append(shape)
    return shapes, weight_shapes


def _efforts(
    layers: Sequence[Layer], nodes: Sequence[Node], shapes: Sequence[Shape], weight_shapes: Mapping[int, WeightShapes]
) -> Iterator[Effort]:
    for node, output in zip(nodes, shapes, strict=True):
        if node.layer is not None:
            layer = layers[node.layer]
            yield effort(layer.kind, layer.options, shapes[node.inputs[0]], output, weight_shapes[node.layer])


def _refuse_shared_head(layers: Sequence[Layer], nodes: Sequence[Node], final: int) -> None:
    number = nodes[final].layer
    if number is not None and sum(node.layer == number for node in nodes) > 1:
        raise ModelRefused(f"the model's last layer {layers[number].name!r} is called more than once: save it apart")
