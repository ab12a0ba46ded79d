"""Layers whose options follow from the shape of what goes in.

A Resizing or RandomCrop to the size that is there already does nothing, and is read as that; to another size it would
interpolate. A CenterCrop is a Cropping2D whose borders are known once its input is, and so are the layers that take
places out of a tensor in nets of Keras 2.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.canonical import Layer, Node
from nc_core.intake.graph import FlatLayer
from nc_core.intake.shapes import infer
from nc_core.intake.slices import options_for
from nc_core.intake.windows import Shape
from nc_core.intake.wording import shown


def fitted(flats: Sequence[FlatLayer], layers: Sequence[Layer], nodes: Sequence[Node], image: Shape) -> list[Layer]:
    """The canonical layers with such ones as they are for their inputs; image: (H, W, C).

    Raises ModelRefused where a layer does something of its own to the input that it gets. What does not fit otherwise
    is left for the analysis to say.
    """
    made, shapes, known = list(layers), [image], set[int]()
    for node in nodes[1:]:
        if node.layer is None:
            break
        inputs, flat = [shapes[source] for source in node.inputs], flats[node.layer]
        found = _options(flat, inputs[0]) if flat.leaf.places is None else _places(flat, nodes, node, shapes)
        if found is not None:
            options = {**made[node.layer].options, **found}
            if node.layer in known and options != made[node.layer].options:
                raise _other(flat, inputs[0], "is called on images of several sizes")
            known.add(node.layer)
            made[node.layer] = replace(made[node.layer], options=options)
        try:
            shapes.append(infer(made[node.layer].kind, made[node.layer].options, inputs)[0])
        except ValueError:
            break
    return made


def _places(flat: FlatLayer, nodes: Sequence[Node], node: Node, shapes: Sequence[Shape]) -> dict[str, Any]:
    """The options of one of the layers that take places out of a tensor: that goes into the first of them."""
    key, number = flat.leaf.places or (None, 0)
    source = node.inputs[0]
    for _ in range(number):
        source = nodes[source].inputs[0]
    try:
        return options_for(key, shapes[source])[number]
    except ValueError as error:
        raise ModelRefused(
            f"layer {flat.name!r} takes {shown(key)} of a tensor {(None, *shapes[source])}, and read here is {error}: "
            "put Keras' layers in its place (Reshape, Cropping2D) and save the model again"
        ) from None


def _options(flat: FlatLayer, shape: Shape) -> dict[str, Any] | None:
    """The options that the layer has on images of this shape beside those read; None where it goes by no size."""
    size = flat.leaf.size
    if size is None:
        return None
    if len(shape) != 3:
        raise _other(flat, shape, "takes images (height, width, channels)")
    rows, columns = shape[0] - size[0], shape[1] - size[1]
    if flat.leaf.kind == "Cropping2D" and min(rows, columns) >= 0:
        return {"cropping": [[rows // 2, rows - rows // 2], [columns // 2, columns - columns // 2]]}
    if rows or columns:
        raise _other(flat, shape, f"makes images of {size[0]} x {size[1]} of them")
    return {}


def _other(flat: FlatLayer, shape: Shape, what: str) -> ModelRefused:
    return ModelRefused(
        f"layer {flat.name!r} ({flat.leaf.class_name}) {what}, and its input has the shape {(None, *shape)}; it is "
        "read where it leaves the size as it is: begin the net behind it, with keras.Input of that size, copy the "
        "weights and save it again"
    )
