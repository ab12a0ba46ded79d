"""An architecture being drawn, module by module, as the graph of ONNX operators that it is.

Channels first, symmetric pads and all numbers as PyTorch has them: the reader of ONNX graphs turns them into layers. A
sketch needs no weights; it knows which ones there must be, by the names and shapes of the state dict.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, helper

from nc_core.errors import ModelRefused

OPSET = 17
EPSILON = 1e-5
"""Of torch.nn.BatchNorm2d."""


@dataclass(frozen=True)
class Flow:
    """What a module gives: the name of its values, and their sizes without the batch, (C, H, W) or (values,)."""

    name: str
    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        """Or values, where there are no rows and columns."""
        return self.shape[0]


class Sketch:
    """image: the input. shapes: of the state dict that fits. nodes: NodeProto. constants: arrays that are no weights.

    pooled: names of matrices that take a pooled image, with the sizes before and after that pooling; see `linear`.
    """

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        self.image = Flow("image", (channels, *size))
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, npt.NDArray[np.float32]] = {}
        self.pooled: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {}

    def conv(
        self,
        x: Flow,
        module: str,
        filters: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
    ) -> Flow:
        """Conv2d of a square, odd kernel, padded by half of it."""
        inputs = [self._weight(module, "weight", (filters, x.channels // groups, kernel, kernel))]
        inputs += [self._weight(module, "bias", (filters,))] if bias else []
        pad = kernel // 2
        shape = (filters, *((size + 2 * pad - kernel) // stride + 1 for size in x.shape[1:]))
        options = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4, "group": groups}
        return self._op("Conv", [x.name, *inputs], shape, module, **options)

    def norm(self, x: Flow, module: str) -> Flow:
        """BatchNorm2d."""
        names = ("weight", "bias", "running_mean", "running_var")
        inputs = [self._weight(module, name, (x.channels,)) for name in names]
        return self._op("BatchNormalization", [x.name, *inputs], x.shape, module, epsilon=EPSILON)

    def linear(self, x: Flow, module: str, units: int, *, pooled_to: tuple[int, int] | None = None) -> Flow:
        """Linear, of (values,) or of an image made into a row.

        pooled_to: what an AdaptiveAvgPool2d before makes of the image. Where no AveragePool is that, the matrix is to
        be brought to the image's size, see `pooled`.
        """
        if pooled_to is not None:
            x = self._average_pool(x, pooled_to)
        values = int(np.prod(x.shape))
        if pooled_to is not None and pooled_to != x.shape[1:]:
            self.pooled[f"{module}.weight"] = ((x.shape[1], x.shape[2]), pooled_to)
            values = x.channels * pooled_to[0] * pooled_to[1]
        inputs = [self._weight(module, "weight", (units, values)), self._weight(module, "bias", (units,))]
        row = x if len(x.shape) == 1 else self._op("Flatten", [x.name], (int(np.prod(x.shape)),), f"{module}.flatten")
        return self._op("Gemm", [row.name, *inputs], (units,), module, transB=1)

    def relu(self, x: Flow) -> Flow:
        """ReLU."""
        return self._op("Relu", [x.name], x.shape)

    def relu6(self, x: Flow) -> Flow:
        """ReLU6."""
        self.constants |= {"zero": np.array(0, np.float32), "six": np.array(6, np.float32)}
        return self._op("Clip", [x.name, "zero", "six"], x.shape)

    def sigmoid(self, x: Flow) -> Flow:
        """Sigmoid."""
        return self._op("Sigmoid", [x.name], x.shape)

    def silu(self, x: Flow) -> Flow:
        """SiLU."""
        return self.multiply(x, self.sigmoid(x))

    def add(self, x: Flow, y: Flow) -> Flow:
        """A shortcut, joined."""
        return self._op("Add", [x.name, y.name], x.shape)

    def multiply(self, x: Flow, y: Flow) -> Flow:
        """An image times one number a channel, or place by place."""
        return self._op("Mul", [x.name, y.name], x.shape)

    def max_pool(self, x: Flow, kernel: int, stride: int, pad: int = 0) -> Flow:
        """MaxPool2d."""
        shape = (x.channels, *((size + 2 * pad - kernel) // stride + 1 for size in x.shape[1:]))
        options: dict[str, Any] = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        return self._op("MaxPool", [x.name], shape, **options)

    def mean(self, x: Flow) -> Flow:
        """AdaptiveAvgPool2d(1)."""
        return self._op("GlobalAveragePool", [x.name], (x.channels, 1, 1))

    def _average_pool(self, x: Flow, size: tuple[int, int]) -> Flow:
        """The image in whole blocks, as many as asked for; the image itself where that leaves a rest."""
        _, height, width = x.shape
        blocks = [height // size[0], width // size[1]]
        if (height, width) == size or (blocks[0] * size[0], blocks[1] * size[1]) != (height, width):
            return x
        return self._op("AveragePool", [x.name], (x.channels, *size), kernel_shape=blocks, strides=blocks)

    def _weight(self, module: str, name: str, shape: tuple[int, ...]) -> str:
        self.shapes[f"{module}.{name}"] = shape
        return f"{module}.{name}"

    def _op(self, op: str, inputs: Sequence[str], shape: Sequence[int], label: str = "", **options: Any) -> Flow:
        if min(shape) < 1:
            raise ModelRefused(
                f"pictures of {self.image.shape[1]}x{self.image.shape[2]} are too small for the architecture, of which "
                f"{label or op} leaves nothing: say their size behind its name, such as @32x32"
            )
        name = f"{len(self.nodes)}:{op}"
        label = label or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=label, **options))
        return Flow(name, tuple(shape))
