"""The tree of nested models -> one flat list of layer calls, in an order in which inputs come first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from nc_core.errors import ModelRefused
from nc_core.intake.canonical import Node
from nc_core.intake.limits import EDGES, NODES, within
from nc_core.intake.names import Names
from nc_core.intake.order import from_inputs_on
from nc_core.intake.tree import Leaf, Model, Path, Ref
from nc_core.intake.windows import Shape

AnyLayer = TypeVar("AnyLayer")
"""A layer in whatever form: what is put in order are its calls."""


@dataclass(frozen=True)
class FlatLayer:
    """A layer of the flat net: where its weights lie in the tree (None: it has none) and its unique name."""

    leaf: Leaf
    path: Path | None
    name: str


@dataclass
class Graph:
    """The flat net under construction: node 0 is the image; layers appear in the order of their first
    call.
    """

    layers: list[FlatLayer] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=lambda: [Node(layer=None)])
    output: int = 0
    edges: int = 0
    models: int = 0
    _numbers: dict[Path, int] = field(default_factory=dict)
    _names: Names = field(default_factory=Names)

    def call(self, leaf: Leaf, path: Path, inputs: tuple[int, ...]) -> int:
        """Append a call of a layer (and of what stands before or behind it); returns the node of its output."""
        if leaf.before is not None:
            inputs = self._scaled(leaf, leaf.before, path, inputs)
        node = self._node(leaf, path, inputs)
        if leaf.followed_by is not None:
            node = self._node(leaf.followed_by, (*path, leaf.followed_by.name), (node,))
        return node

    def _scaled(self, leaf: Leaf, before: Leaf, path: Path, inputs: tuple[int, ...]) -> tuple[int, ...]:
        if len(inputs) != 2:
            raise ModelRefused(
                f"layer {leaf.name!r} ({leaf.class_name}) takes two inputs and has {len(inputs)}: save the model again"
            )
        return inputs[0], self._node(before, (*path, before.name), inputs[1:])

    def _node(self, leaf: Leaf, path: Path, inputs: tuple[int, ...]) -> int:
        self.edges += len(inputs)
        within(len(self.nodes), NODES, "layer calls, counting every call of a nested model")
        within(self.edges, EDGES, "inputs of layer calls, counting every call of a nested model")
        if path not in self._numbers:
            self._numbers[path] = len(self.layers)
            name = self._names.new(leaf.name)
            self.layers.append(FlatLayer(leaf, path if leaf.weight_names else None, name))
        self.nodes.append(Node(layer=self._numbers[path], inputs=inputs))
        return len(self.nodes) - 1


def flatten(model: Model, image: Shape) -> Graph:
    """The flat net of a whole model, for images (H, W, C)."""
    if len(model.inputs) != 1:
        raise ModelRefused(
            f"the model has {len(model.inputs)} inputs; an image classifier has one: submit one of those"
        )
    graph = Graph()
    output = _emit(graph, model, (), (_image(graph, model, image),))
    graph.layers, graph.nodes, graph.output = in_order(graph.layers, graph.nodes, output)
    return graph


def _image(graph: Graph, model: Model, image: Shape) -> int:
    """The node of what the net takes: the image, of one without an axis of channels its one channel, or its row."""
    given = model.children[model.inputs[0]]
    axes = 3 if not isinstance(given, Leaf) or given.shape is None else len(given.shape)
    if axes == 2:
        return graph.call(Leaf(name="one_channel", kind="Reshape", options={"target_shape": list(image[:2])}), (), (0,))
    if axes == 1:
        return graph.call(Leaf(name="one_row", kind="Flatten", options={"data_format": "channels_last"}), (), (0,))
    return 0


def in_order(layers: Sequence[AnyLayer], nodes: Sequence[Node], output: int) -> tuple[list[AnyLayer], list[Node], int]:
    """The same net in the one order that follows from its output alone, without calls that do not reach it.

    Calls stand as a walk from the output meets them, inputs first and in their order; layers as they are first called.
    So a net that was nested in the file is the same canonical model as its flat form, which is what we write.
    """
    places, calls = {0: 0}, [0]
    stack = [output]
    while stack:
        at = stack[-1]
        missing = [source for source in nodes[at].inputs if source not in places]
        if at in places:
            stack.pop()
        elif missing:
            stack.extend(reversed(missing))
        else:
            places[stack.pop()] = len(calls)
            calls.append(at)
    used = list(dict.fromkeys(number for at in calls if (number := nodes[at].layer) is not None))
    numbers = {old: new for new, old in enumerate(used)}
    moved = [
        Node(
            layer=None if (number := nodes[at].layer) is None else numbers[number],
            inputs=tuple(places[source] for source in nodes[at].inputs),
        )
        for at in calls
    ]
    return [layers[number] for number in used], moved, places[output]


def _emit(graph: Graph, model: Model, path: Path, inputs: tuple[int, ...]) -> int:
    """Append all calls of one model, given the nodes of its inputs; returns the node of its output."""
    graph.models += 1
    within(graph.models, NODES, "calls of nested models")
    if len(inputs) != len(model.inputs):
        raise ModelRefused(f"model {model.name!r} has {len(model.inputs)} inputs and is called with {len(inputs)}")
    done = {Ref(name=name, call=0): node for name, node in zip(model.inputs, inputs, strict=True)}
    for ref in from_inputs_on(model, (model.output,)):
        if ref in done:
            continue
        child = model.children[ref.name]
        taken = tuple(done[source] for source in model.calls[ref.name][ref.call])
        below = (*path, ref.name)
        if isinstance(child, Model):
            done[ref] = _emit(graph, child, below, taken)
        elif child.kind == "InputLayer":
            raise second_input(ref.name, model.name, model.inputs)
        else:
            done[ref] = graph.call(child, below, taken)
    return done[model.output]


def second_input(layer: str, model: str, inputs: Sequence[str]) -> ModelRefused:
    """An InputLayer that is none of a model's inputs."""
    return ModelRefused(
        f"layer {layer!r} of model {model!r} is an InputLayer and none of its inputs "
        f"({', '.join(map(repr, inputs))[:200]}): an image classifier begins with its one input; leave that layer out "
        "and save the model again"
    )
