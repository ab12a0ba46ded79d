"""Which axis of the input has the channels: PyTorch puts them first, TensorFlow last."""

from collections.abc import Iterable

from nc_core.errors import ModelRefused
from nc_core.intake.onnx.file import Graph

CHANNELS = (1, 3, 4)
"""Of grey and colour images, the latter with or without transparency."""

AXES_KEPT = (
    *("Identity", "Cast", "Dropout", "Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "HardSigmoid"),
    *("Neg", "Add", "Sub", "Mul", "Div", "Pad"),
)
"""Operators whose output has the axes of their input."""
CHANNELS_SECOND = (
    *("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "DepthToSpace", "PRelu"),
    *("BatchNormalization", "InstanceNormalization", "GroupNormalization"),
)
"""Operators for which axis 1 has the channels."""


def channels_first(graph: Graph) -> bool:
    """Whether the input is (batch, channels, height, width); ModelRefused where nothing tells."""
    taken = set(_channel_axes(graph))
    if not taken:
        taken = {axis for axis in (1, 3) if graph.shape[axis - 1] in CHANNELS}
    if taken == {1}:
        return True
    if taken == {3}:
        return False
    raise ModelRefused(
        f"the ONNX graph's input has the shape (batch, {', '.join(map(str, graph.shape))}), and nothing tells which of "
        "the sizes are the channels: let a Conv take the image, channels first"
    )


def _channel_axes(graph: Graph) -> Iterable[int]:
    """The axes of the input that operators take for the channels, as far as its axes can be followed."""
    axes: dict[str, tuple[int, ...]] = {graph.image: (0, 1, 2, 3)}
    for node in graph.nodes:
        source = next((name for name in node.input if name in axes), None)
        if source is None:
            continue
        if node.op_type in CHANNELS_SECOND:
            yield axes[source][1]
        elif node.op_type in AXES_KEPT and node.output:
            axes[node.output[0]] = axes[source]
        elif node.op_type == "Transpose" and node.output:
            perm = next((list(each.ints) for each in node.attribute if each.name == "perm"), [3, 2, 1, 0])
            if sorted(perm) == [0, 1, 2, 3]:
                axes[node.output[0]] = tuple(axes[source][axis] for axis in perm)
