"""What the net's output means: class probabilities, scores, or nothing that a classifier would say."""

from collections.abc import Iterator, Sequence
from math import prod

from nc_core.errors import ModelRefused
from nc_core.intake.canonical import Head, Layer, Node
from nc_core.intake.shapes import MERGES
from nc_core.intake.windows import Shape

SHAPING = ("Flatten", "Reshape", "Permute", "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout")
"""Layers that at inference leave every value as it is."""
POOLING = ("GlobalAveragePooling2D", "GlobalMaxPooling2D", "AveragePooling2D", "MaxPooling2D")
"""Layers that choose or average values, so that scores stay scores and features stay features."""


def activation(layer: Layer) -> str:
    """The activation that a layer applies to its output, by name; "linear" for none."""
    by_class = {
        "Softmax": "softmax",
        "ReLU": "relu",
        "LeakyReLU": "leaky_relu",
        "ELU": "elu",
        "PReLU": "prelu",
    }
    named: str = layer.options.get("activation", "linear")
    return by_class.get(layer.kind, named)


def transparent(layer: Layer) -> bool:
    """True where the layer passes its input's values on unchanged."""
    return layer.kind in SHAPING or (layer.kind == "Activation" and activation(layer) == "linear")


def final_node(layers: Sequence[Layer], nodes: Sequence[Node], output: int) -> int:
    """The node whose values the output shows: the last one that is not merely reshaping."""
    at = output
    while (number := nodes[at].layer) is not None and transparent(layers[number]):
        at = nodes[at].inputs[0]
    return at


def find_head(layers: Sequence[Layer], nodes: Sequence[Node], output: int, shapes: Sequence[Shape]) -> tuple[Head, int]:
    """The head and the number of classes; ModelRefused for a net that is no classifier.

    shapes: the output shape of every node, without the batch axis.
    """
    if len(shapes[output]) != 1:
        raise ModelRefused(
            f"the model's output has the shape {(None, *shapes[output])}; a classifier has (None, "
            "classes): if it ends before its last layers, submit the whole classifier (add Flatten or "
            "GlobalAveragePooling2D and Dense)"
        )
    units = shapes[output][0]
    final = final_node(layers, nodes, output)
    found = set(_activations(layers, nodes, final))
    if found == {"softmax"} and _is_last(layers, nodes, final) and units > 1:
        _check_softmax(layers, nodes, final, shapes)
        return "softmax", units
    if found == {"sigmoid"} and _is_last(layers, nodes, final):
        return ("single-sigmoid", 2) if units == 1 else ("sigmoid", units)
    if found == {"linear"}:
        return ("logits", units) if units > 1 else ("single-logit", 2)
    raise _no_classifier(found, units)


def _no_classifier(found: set[str], units: int) -> ModelRefused:
    kinds = " and ".join(sorted(found))
    if found in ({"softmax"}, {"sigmoid"}) and units > 1:
        return ModelRefused(
            f"the model's {units} outputs are computed from those of a {kinds} that is not its last layer (an average "
            "of several nets?): submit one net that ends in it"
        )
    if found == {"softmax"}:
        return ModelRefused(
            "the model has a single softmax output, which is always 1: that is no classifier; one of two classes ends "
            "in a sigmoid, one of N in N outputs"
        )
    return ModelRefused(
        f"the model's {units} outputs end in {kinds}: that is no classifier; one ends in a softmax, a "
        "sigmoid, or a linear layer over its classes"
    )


def _is_last(layers: Sequence[Layer], nodes: Sequence[Node], final: int) -> bool:
    """True where the final node itself applies its activation, so that it can be taken off there."""
    number = nodes[final].layer
    return number is not None and activation(layers[number]) != "linear"


def _check_softmax(layers: Sequence[Layer], nodes: Sequence[Node], final: int, shapes: Sequence[Shape]) -> None:
    """A softmax counts as a head only where it runs over all classes at once."""
    number = nodes[final].layer
    axes = [-1] if number is None else layers[number].options.get("axis", [-1])
    shape = shapes[final]
    places = [axis - 1 if axis > 0 else axis + len(shape) for axis in axes]
    if prod(shape[place] for place in places) != prod(shape):
        raise ModelRefused(f"the model's softmax runs over axis {axes} of {(None, *shape)}, not over all its classes")


def _activations(layers: Sequence[Layer], nodes: Sequence[Node], start: int) -> Iterator[str]:
    """The activations that the values at `start` come out of, seen through reshaping, pooling and merging."""
    stack, seen = [start], set()
    while stack:
        at = stack.pop()
        number = nodes[at].layer
        if at in seen:
            continue
        seen.add(at)
        if number is None:
            yield "the image itself"
        elif transparent(layers[number]) or layers[number].kind in POOLING or layers[number].kind in MERGES:
            stack.extend(nodes[at].inputs)
        else:
            yield activation(layers[number])
