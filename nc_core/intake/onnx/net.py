"""The canonical net under construction: layers, their calls and arrays, and the arrangement of values."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from nc_core.errors import ModelRefused
from nc_core.intake.analysis import analyse
from nc_core.intake.canonical import CanonicalModel, Layer, Node
from nc_core.intake.graph import in_order
from nc_core.intake.layer_options import read_options
from nc_core.intake.layers import KINDS
from nc_core.intake.limits import EDGES, LAYERS, NODES, VALUES_PER_IMAGE, unpacked_limit, within
from nc_core.intake.names import Names
from nc_core.intake.onnx.arrays import Array
from nc_core.intake.onnx.layout import groups
from nc_core.intake.onnx.values import Order, Tensor
from nc_core.intake.onnx.wording import EXPORT, FLOAT32, REBUILD
from nc_core.intake.shapes import infer
from nc_core.intake.windows import Shape


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A layer before its name is settled. arrays: of its weights, in Keras' own order, views of the file's."""

    label: str
    kind: str
    options: dict[str, Any]
    arrays: tuple[Array, ...]


class Net:
    """Layer calls in the order in which they are made; node 0 is the image (H, W, C).

    label: name of the ONNX node that is read, after which its layers are called.
    """

    def __init__(self, image: Shape) -> None:
        self.label = ""
        self._drafts: list[Draft] = []
        self._nodes = [Node(layer=None)]
        self._shapes: list[Shape] = [image]
        self._edges = 0

    def draft(self, node: int) -> Draft | None:
        """The layer whose call a node is; None for the image."""
        number = self._nodes[node].layer
        return None if number is None else self._drafts[number]

    def inputs(self, node: int) -> tuple[int, ...]:
        """The nodes that a node is called on."""
        return self._nodes[node].inputs

    def stored(self, node: int) -> Shape:
        """The shape of a node's values in the canonical net."""
        return self._shapes[node]

    def call(self, kind: str, inputs: Sequence[int], options: dict[str, Any], arrays: Sequence[Array] = ()) -> int:
        """Append a new layer and its call; returns the node. ModelRefused where it does not fit its inputs."""
        self._edges += len(inputs)
        within(len(self._nodes), NODES, "layer calls")
        within(self._edges, EDGES, "inputs of layer calls")
        plain = read_options(kind, options, self.label)
        try:
            shape, weights = infer(kind, plain, [self._shapes[source] for source in inputs])
        except ValueError as error:
            raise ModelRefused(f"node {self.label!r} ({kind}) does not fit its input: {error}; {REBUILD}") from None
        within(prod(shape), VALUES_PER_IMAGE, "activation values for one image")
        for name, array in zip(KINDS[kind].weights(plain), arrays, strict=True):
            if array.shape != weights[name]:
                raise ModelRefused(
                    f"{name} of node {self.label!r} ({kind}) has the shape {array.shape}, expected {weights[name]}: "
                    f"{EXPORT}"
                )
        self._drafts.append(Draft(label=self.label, kind=kind, options=plain, arrays=tuple(arrays)))
        self._nodes.append(Node(layer=len(self._drafts) - 1, inputs=tuple(inputs)))
        self._shapes.append(shape)
        return len(self._nodes) - 1

    def finished(self, output: int, *, stored: int) -> CanonicalModel:
        """The canonical model of the calls that lead to a node. stored: bytes of the file."""
        drafts, nodes, output = in_order(self._drafts, self._nodes, output)
        within(len(drafts), LAYERS, "layers")
        layers = _named(drafts)
        image = self._shapes[0]
        found = analyse(layers, nodes, output, image)
        parameters = sum(array.size for draft in drafts for array in draft.arrays)
        within(4 * parameters, unpacked_limit(stored), f"bytes of weights in a file of {stored:,}")
        return CanonicalModel(
            input_shape=(image[0], image[1], image[2]),
            layers=tuple(layers),
            nodes=tuple(nodes),
            output=output,
            head=found.head,
            classes=found.classes,
            weights={
                key: _weights(array, layer.name)
                for layer, draft in zip(layers, drafts, strict=True)
                for key, array in zip(layer.weights, draft.arrays, strict=True)
            },
        )

    def arranged(self, tensor: Tensor, order: Order) -> int:
        """The node with a tensor's values in this order of its axes."""
        node = self._moved(tensor, order)
        return self._filled(node, tuple(tensor.shape[axis] for axis in order))

    def reshaped(self, tensor: Tensor, shape: Shape) -> Tensor:
        """The same values by other axes, as many as before; moved only where axes are joined that lie apart."""
        places = {axis: place for place, axis in enumerate(tensor.order)}

        def place(group: tuple[list[int], list[int]]) -> int:
            filled = [places[axis] for axis in group[0] if tensor.shape[axis] > 1]
            return min(filled or [places[axis] for axis in group[0]], default=0)

        parts = sorted(groups(tensor.shape, shape), key=place)
        node = self._moved(tensor, tuple(axis for before, _ in parts for axis in before))
        order = tuple(axis for _, after in parts for axis in after)
        node = self._filled(node, tuple(shape[axis] for axis in order))
        return Tensor(node=node, shape=shape, order=order, positive=tensor.positive)

    def node(self, tensor: Tensor) -> int:
        """A tensor's node; ModelRefused where no layer makes its values."""
        if tensor.node is None:
            raise ModelRefused(f"node {self.label!r} takes {_unmade(tensor)}: {REBUILD}")
        return tensor.node

    def _moved(self, tensor: Tensor, order: Order) -> int:
        """The same without regard to axes of size 1."""
        node = self.node(tensor)
        if [axis for axis in order if tensor.shape[axis] > 1] == [a for a in tensor.order if tensor.shape[a] > 1]:
            return node
        return self.call("Permute", [node], {"dims": [tensor.order.index(axis) + 1 for axis in order]})

    def _filled(self, node: int, shape: Shape) -> int:
        if self._shapes[node] == shape:
            return node
        if not shape:
            raise ModelRefused(
                f"node {self.label!r} leaves one value an image and no axis but the batch: leave it out, so that the "
                "shape is (batch, 1)"
            )
        if len(shape) == 1:
            return self.call("Flatten", [node], {})
        return self.call("Reshape", [node], {"target_shape": list(shape)})


def _unmade(tensor: Tensor) -> str:
    op = "" if tensor.made is None else tensor.made.op
    return (
        f"the result of an operation ({op}) that is read only within a pattern that is known here (GELU by Erf, layer "
        "normalisation, a length of at least 1e-12 that is divided by, a final LogSoftmax)"
    )


def _named(drafts: Sequence[Draft]) -> list[Layer]:
    names = Names()
    layers = []
    for draft in drafts:
        name = names.new(draft.label.strip("/"))
        weights = tuple(f"{name}/{weight}" for weight in KINDS[draft.kind].weights(draft.options))
        layers.append(Layer(name=name, kind=draft.kind, options=draft.options, weights=weights))
    return layers


def _weights(array: Array, layer: str) -> Array:
    if array.dtype != np.float32:
        raise ModelRefused(f"the weights of layer {layer!r} are of {array.dtype}; read here are float32: {FLOAT32}")
    if not np.isfinite(array).all():
        raise ModelRefused(f"the weights of layer {layer!r} hold values that are not finite: train or export it anew")
    return np.ascontiguousarray(array)
