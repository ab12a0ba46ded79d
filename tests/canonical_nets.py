"""Canonical nets of every kind of layer, drawn by hypothesis: chains, branches, layers that are called twice."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from nc_core.errors import ModelRefused
from nc_core.intake import CanonicalModel, Layer, Node
from nc_core.intake.analysis import analyse
from nc_core.intake.graph import in_order
from nc_core.intake.layer_options import read_options
from nc_core.intake.layers import KINDS
from nc_core.intake.names import usable
from nc_core.intake.options import ACTIVATIONS
from nc_core.intake.shapes import SEVERAL, infer
from nc_core.intake.windows import Shape

LETTERS = "abcxyzABC0189_-.é"
NAMES = ("input", "input_image", "classifier", "functional", "vars", "layers", "dense", "conv2d", "0")
"""Names that Keras or our writer gives to something else."""


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high) | st.just(float(high))


def pairs(most: int, least: int = 1) -> st.SearchStrategy[Any]:
    return st.lists(st.integers(least, most), min_size=2, max_size=2)


FLAGS = st.booleans()
ACTIVE = {"activation": st.sampled_from(sorted(set(ACTIVATIONS.values()))), "use_bias": FLAGS}
PADDING = {"padding": st.sampled_from(["valid", "same"])}
WINDOW = {"kernel_size": pairs(3), **PADDING, **ACTIVE}
# Of unequal strides TensorFlow has no depthwise convolution.
STRIDES = st.sampled_from([[1, 1], [2, 2]])
DILATION = st.sampled_from([[1, 1], [1, 1], [2, 2]])
MOVED = {"strides": STRIDES, "dilation_rate": DILATION}
FILTERS = {"filters": st.integers(1, 4)}
AXIS = st.sampled_from([-1, 1, 2, 3])
SCALED = {"center": FLAGS, "scale": FLAGS, "epsilon": numbers(1e-4, 1)}
POOL = {"pool_size": pairs(3), "strides": st.none() | pairs(2), **PADDING}
RATE = {"rate": st.floats(0, 0.9)}
MULTIPLIER = {"depth_multiplier": st.integers(1, 2)}


def given_moments(channels: int) -> st.SearchStrategy[dict[str, Any]]:
    listed = st.lists(numbers(0.1, 2), min_size=channels, max_size=channels)
    given = st.fixed_dictionaries({"mean": listed, "variance": listed, "axis": st.just([-1])})
    whole = st.fixed_dictionaries({"mean": numbers(-1, 1), "variance": numbers(0.1, 2), "axis": st.none()})
    stored = st.fixed_dictionaries({"axis": st.sampled_from([None, [-1], [1], [1, -1], [-1, 1]])})
    return st.tuples(given | whole | stored, FLAGS).map(lambda drawn: {**drawn[0], "invert": drawn[1]})


def scales(channels: int) -> st.SearchStrategy[Any]:
    return numbers(-2, 2) | st.lists(numbers(-2, 2), min_size=channels, max_size=channels)


def options_of(kind: str, shape: Shape) -> st.SearchStrategy[Mapping[str, Any]]:
    """Options as a file may hold them; not all fit the input of this shape."""
    channels = shape[-1]
    by_kind: dict[str, Mapping[str, Any] | st.SearchStrategy[Mapping[str, Any]]] = {
        "Conv2D": {**FILTERS, "groups": st.sampled_from([1, 1, 2]), **WINDOW, **MOVED},
        "DepthwiseConv2D": {**MULTIPLIER, **WINDOW, **MOVED},
        "SeparableConv2D": {**FILTERS, **MULTIPLIER, **WINDOW, **MOVED},
        "Conv2DTranspose": {**FILTERS, **WINDOW, "strides": STRIDES},
        "Dense": {"units": st.integers(1, 5), **ACTIVE},
        "BatchNormalization": {"axis": AXIS, "momentum": numbers(0, 1), **SCALED},
        # Keras sorts them, whatever the file says.
        "LayerNormalization": {"axis": st.sampled_from([[-1], [1], [-1, 1], [1, 2, 3]]), **SCALED},
        "GroupNormalization": {"axis": AXIS, "groups": st.sampled_from([-1, 1, 2]), **SCALED},
        "UnitNormalization": {"axis": st.sampled_from([[-1], [1], [-1, 1], [1, 2, 3]])},
        "Activation": {"activation": ACTIVE["activation"]},
        "ReLU": {
            "max_value": st.none() | numbers(1, 6),
            "negative_slope": numbers(0, 0.5),
            "threshold": numbers(0, 0.5),
        },
        "LeakyReLU": {"negative_slope": numbers(0, 0.5)},
        "ELU": {"alpha": numbers(0, 2)},
        "PReLU": {"shared_axes": st.sampled_from([None, [1, 2], [1], [2, 1], [3]])},
        "Softmax": {"axis": st.sampled_from([[-1], [1], [1, 2], [2, 1]])},
        "MaxPooling2D": POOL,
        "AveragePooling2D": POOL,
        "GlobalAveragePooling2D": {"keepdims": FLAGS},
        "GlobalMaxPooling2D": {"keepdims": FLAGS},
        "Reshape": {"target_shape": st.permutations(shape).map(list) | st.just([*shape[:-1], -1]) | st.just([-1, 1])},
        "Permute": {"dims": st.permutations(range(1, len(shape) + 1)).map(list)},
        "Dropout": {**RATE, "noise_shape": st.sampled_from([None, [None, *([1] * len(shape))]])},
        "SpatialDropout2D": RATE,
        "GaussianNoise": {"stddev": numbers(0, 1)},
        "GaussianDropout": RATE,
        "Concatenate": {"axis": AXIS},
        "Dot": {"axes": st.lists(st.sampled_from([1, 2]), min_size=2, max_size=2)},
        "ZeroPadding2D": {"padding": st.lists(pairs(2, 0), min_size=2, max_size=2)},
        "Cropping2D": {"cropping": st.lists(pairs(1, 0), min_size=2, max_size=2)},
        "UpSampling2D": {"size": pairs(2), "interpolation": st.sampled_from(["nearest", "bilinear", "bicubic"])},
        "Rescaling": {"scale": scales(channels), "offset": scales(channels)},
        "Normalization": given_moments(channels),
    }
    found = by_kind.get(kind, {})
    return found if isinstance(found, st.SearchStrategy) else st.fixed_dictionaries(dict(found))


class _Net:
    """A net under construction; what does not fit is left out."""

    def __init__(self, image: tuple[int, int, int]) -> None:
        self.image = image
        self.layers: list[Layer] = []
        self.nodes = [Node(layer=None)]
        self.shapes: list[Shape] = [image]
        self.weights: list[Mapping[str, Shape]] = []

    def add(self, kind: str, name: str, options: Mapping[str, Any], inputs: Sequence[int]) -> bool:
        if name in {layer.name for layer in self.layers}:
            return False
        try:
            plain = read_options(kind, options, name)
            shape, weights = infer(kind, plain, [self.shapes[source] for source in inputs])
        except (ModelRefused, ValueError):
            return False
        if _is_large(shape) or _names_one_axis_twice(plain, self.shapes[inputs[0]]):
            return False
        keys = tuple(f"{name}/{weight}" for weight in KINDS[kind].weights(plain))
        self.layers.append(Layer(name=name, kind=kind, options=plain, weights=keys))
        self.weights.append(weights)
        self._call(len(self.layers) - 1, inputs, shape)
        return True

    def again(self, number: int, inputs: Sequence[int]) -> bool:
        """Call a layer that is there once more, on inputs of as many axes: Keras' layers take no others."""
        layer = self.layers[number]
        before = next(node for node in self.nodes if node.layer == number)
        ranks = {len(self.shapes[source]) for source in (*before.inputs, *inputs)}
        if len(ranks) > 1:
            return False
        try:
            shape, weights = infer(layer.kind, layer.options, [self.shapes[source] for source in inputs])
        except ValueError:
            return False
        if weights != self.weights[number] or _is_large(shape):
            return False
        self._call(number, inputs, shape)
        return True

    def _call(self, number: int, inputs: Sequence[int], shape: Shape) -> None:
        self.nodes.append(Node(layer=number, inputs=tuple(inputs)))
        self.shapes.append(shape)

    def ends(self) -> list[int]:
        """Nodes that nothing takes."""
        taken = {source for node in self.nodes for source in node.inputs}
        return [at for at in range(len(self.nodes)) if at not in taken]


def _names_one_axis_twice(options: Mapping[str, Any], shape: Shape) -> bool:
    """Such as 1 and -1 of a vector, which Keras builds and cannot compute."""
    axes = options.get("axis")
    return isinstance(axes, list) and len({axis % (len(shape) + 1) for axis in axes}) != len(axes)


def _is_large(shape: Shape) -> bool:
    return prod(shape) > 2000 or len(shape) > 4


@st.composite
def canonical_nets(draw: st.DrawFn, first: str) -> CanonicalModel:
    """A classifier in the form that intake gives it. first: the kind of the layer that stands on the image."""
    net = _Net(draw(st.tuples(st.integers(4, 7), st.integers(4, 7), st.integers(1, 4))))
    inputs = _of_first(net, first)
    assume(net.add(first, _name(draw), draw(options_of(first, net.image)), inputs))
    for _ in range(draw(st.integers(0, 8))):
        _step(draw, net)
    _answer(draw, net)
    used = {node.layer for node in net.nodes}
    assume(used >= set(range(len(net.layers))))
    layers, nodes, output = in_order(net.layers, net.nodes, len(net.nodes) - 1)
    try:
        found = analyse(layers, nodes, output, net.image)
    except ModelRefused:
        assume(False)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = {
        f"{layer.name}/{name}": shape
        for number, layer in enumerate(layers)
        for name, shape in found.weight_shapes[number].items()
    }
    return CanonicalModel(
        input_shape=net.image,
        layers=tuple(layers),
        nodes=tuple(nodes),
        output=output,
        head=found.head,
        classes=found.classes,
        weights={key: _array(key, shape, generator) for key, shape in shapes.items()},
    )


def _of_first(net: _Net, first: str) -> list[int]:
    """What the first layer takes: the image, where it wants several inputs twice, and matrices made of it."""
    if first != "Dot":
        return [0, 0] if first in SEVERAL else [0]
    height, width, channels = net.image
    assume(net.add("Reshape", "rows", {"target_shape": [height, width * channels]}, [0]))
    return [1, 1]


def _step(draw: st.DrawFn, net: _Net) -> None:
    """One call more: of a new layer, or of one that is there."""
    latest = st.sampled_from(range(len(net.nodes))[-3:])
    if net.layers and draw(st.integers(0, 4)) == 0:
        number = draw(st.sampled_from(range(len(net.layers))))
        arity = 2 if net.layers[number].kind in SEVERAL else 1
        net.again(number, draw(st.lists(latest, min_size=arity, max_size=arity)))
        return
    kind = draw(st.sampled_from(sorted(KINDS)))
    most = {"Subtract": 2, "Dot": 2}.get(kind, 3)
    inputs = draw(st.lists(latest, min_size=2, max_size=most) if kind in SEVERAL else st.tuples(latest))
    net.add(kind, _name(draw), draw(options_of(kind, net.shapes[inputs[-1]])), inputs)


def _answer(draw: st.DrawFn, net: _Net) -> None:
    """Every loose end flattened, put side by side, and a head of one of the kinds that are read."""
    ends = []
    for at in net.ends():
        if len(net.shapes[at]) > 1:
            assume(net.add("Flatten", _name(draw), {}, [at]))
            at = len(net.nodes) - 1
        ends.append(at)
    if len(ends) > 1:
        assume(net.add("Concatenate", _name(draw), {"axis": -1}, ends))
    units, activation = draw(
        st.sampled_from([(1, "sigmoid"), (3, "sigmoid"), (3, "softmax"), (4, "linear"), (2, "linear")])
    )
    assume(net.add("Dense", _name(draw), {"units": units, "activation": activation}, [len(net.nodes) - 1]))
    if activation == "linear":
        last = draw(st.sampled_from([None, ("Softmax", {}), ("Activation", {"activation": "softmax"})]))
        if last is not None:
            assume(net.add(last[0], _name(draw), last[1], [len(net.nodes) - 1]))


def _name(draw: st.DrawFn) -> str:
    return usable(draw(st.sampled_from(NAMES) | st.text(LETTERS, min_size=1, max_size=12)))


def _array(key: str, shape: Shape, generator: np.random.Generator) -> np.ndarray:
    values = generator.normal(0, 0.5, shape).astype(np.float32)
    return np.abs(values) + np.float32(0.1) if key.endswith("variance") else values
