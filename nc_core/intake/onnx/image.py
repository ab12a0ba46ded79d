"""How the input holds an image. PyTorch puts the channels first, TensorFlow last; small nets take grey rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isqrt, prod

from nc_core.errors import ModelRefused
from nc_core.intake.input_shape import image_shape
from nc_core.intake.onnx.call import IMAGE
from nc_core.intake.onnx.file import Graph
from nc_core.intake.onnx.values import Order
from nc_core.intake.onnx.wording import EXPORT
from nc_core.intake.windows import Shape

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


@dataclass(frozen=True, kw_only=True)
class Picture:
    """How the input holds an image: its sizes as the graph has them, and the places of its axes in (H, W, C).

    shape: (C, H, W), (H, W, C), (H, W) or (values,). order: of those axes in the canonical net. image: (H, W, C).
    """

    shape: Shape
    order: Order
    image: tuple[int, int, int]

    @property
    def channels_first(self) -> bool:
        """Whether it is (C, H, W)."""
        return self.order == IMAGE

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """Where it is no (C, H, W) and no (H, W, C), what it is."""
        return None if len(self.shape) == len(self.image) else tuple(self.shape)


def picture(graph: Graph, said: str | None) -> Picture:
    """What the graph and the user say of the input; ModelRefused where that does not settle it, or differs.

    A row is read of one channel alone: of more nothing tells whether they come first, as in PyTorch, or last.
    """
    if len(graph.shape) == 3:
        order: Order = IMAGE if _channels_first(graph) else (0, 1, 2)
        image = image_shape([graph.shape[axis] for axis in order], said)
        return Picture(shape=tuple(image[order.index(axis)] for axis in range(3)), order=order, image=image)
    row = graph.shape[0] if len(graph.shape) == 1 else None
    if said is None and row is not None and isqrt(row) ** 2 != row:
        raise ModelRefused(
            f"the ONNX graph's input is a row of {row} values: of grey pictures say how large they are, "
            f"--input-shape HEIGHTxWIDTH; for colours {EXPORT} with images as its input"
        )
    image = image_shape(graph.shape, said)
    if image[2] != 1:
        raise ModelRefused(
            f"the ONNX graph's input is a row of {prod(image)} values of {image}, and nothing tells whether the "
            f"channels come first: {EXPORT} with images as its input"
        )
    if len(graph.shape) == 1:
        return Picture(shape=(prod(image),), order=(0,), image=image)
    return Picture(shape=image[:2], order=(0, 1), image=image)


def _channels_first(graph: Graph) -> bool:
    """Whether the input is (batch, channels, height, width); ModelRefused where nothing tells."""
    taken = set(_channel_axes(graph))
    if not taken:
        taken = {axis for axis in (1, 3) if graph.shape[axis - 1] in CHANNELS}
    if taken == {1}:
        return True
    if taken == {3}:
        return False
    sizes = ", ".join(str(size or "?") for size in graph.shape)
    raise ModelRefused(
        f"the ONNX graph's input has the shape (batch, {sizes}), and nothing tells which sizes are the channels: "
        "let a Conv take the image, channels first"
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
