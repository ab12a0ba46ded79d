"""ONNX graphs made by hand, node by node, with drawn weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IMAGE = (3, 8, 8)
CLASSES = 4


class Graph:
    """A graph under construction; `image` is the name of its input, (batch, *shape)."""

    def __init__(
        self, opset: int = 17, shape: Sequence[int] = IMAGE, batch: int | str = "batch", seed: int = 0
    ) -> None:
        self.opset, self.shape, self.batch = opset, tuple(shape), batch
        self.image = "image"
        self.nodes: list[onnx.NodeProto] = []
        self.arrays: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(seed)
        self._count = 0

    def name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"

    def array(self, value: Any, dtype: Any = np.float32) -> str:
        """An initializer; returns its name."""
        name = self.name("array")
        self.arrays.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def whole(self, *values: int) -> str:
        return self.array(values, np.int64)

    def drawn(self, *shape: int, low: float = -0.5, high: float = 0.5) -> str:
        return self.array(self._random.uniform(low, high, shape))

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """A node; returns the name of its output, or of all of them."""
        names = [self.name(kind.lower()) for _ in range(outputs)]
        node = helper.make_node(kind, list(inputs), names, name=f"/{kind}_{len(self.nodes)}", **attributes)
        self.nodes.append(node)
        return names[0] if outputs == 1 else names

    def conv(self, x: str, channels: int, filters: int, kernel: int = 3, *, bias: bool = True, **options: Any) -> str:
        group = options.pop("group", 1)
        if "auto_pad" not in options:
            options.setdefault("pads", [kernel // 2] * 4)
        weights = [self.drawn(filters, channels // group, kernel, kernel), *([self.drawn(filters)] if bias else [])]
        return str(self.op("Conv", x, *weights, kernel_shape=[kernel, kernel], group=group, **options))

    def norm(self, x: str, channels: int) -> str:
        moments = [self.drawn(channels, low=0.5, high=1.5), self.drawn(channels), self.drawn(channels)]
        variance = self.drawn(channels, low=0.5, high=1.5)
        return str(self.op("BatchNormalization", x, *moments, variance, epsilon=1e-5))

    def gemm(self, x: str, values: int, units: int) -> str:
        return str(self.op("Gemm", x, self.drawn(units, values), self.drawn(units), transB=1))

    def answer(self, x: str, values: int) -> str:
        """Flattened and made classes of, as PyTorch does."""
        return self.gemm(self.op("Flatten", x), values, CLASSES)

    def model(self, output: str) -> onnx.ModelProto:
        """The whole, with that output."""
        image = helper.make_tensor_value_info(self.image, TensorProto.FLOAT, [self.batch, *self.shape])
        answer = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "net", [image], [answer], self.arrays)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)

    def file(self, output: str) -> bytes:
        return bytes(self.model(output).SerializeToString())
