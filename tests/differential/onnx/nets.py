"""Whole nets in the form in which PyTorch exports them, small."""

from collections.abc import Callable

import numpy as np

from tests.differential.onnx.graphs import Graph
from tests.differential.onnx.transformers import apart, encoder, gelu, multihead, normalised, together, vit

Net = Callable[[Graph], str]
"""(graph) -> the name of its output, scores of its classes."""


def relu(g: Graph, x: str) -> str:
    return str(g.op("Relu", x))


def pooled(g: Graph, x: str, values: int) -> str:
    """The end of most nets: AdaptiveAvgPool2d(1), flatten, Linear."""
    return g.answer(g.op("GlobalAveragePool", x), values)


def conv_norm(g: Graph, x: str, channels: int, filters: int, kernel: int = 3, stride: int = 1, group: int = 1) -> str:
    options = {"strides": [stride, stride], "dilations": [1, 1], "group": group}
    return g.norm(g.conv(x, channels, filters, kernel, bias=False, **options), filters)


def resnet(g: Graph) -> str:
    """Basic blocks, the second one with a shortcut of its own."""
    x = relu(g, conv_norm(g, g.image, 3, 4, 7, 2))
    x = g.op("MaxPool", x, kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2], dilations=[1, 1], ceil_mode=0)
    x = relu(g, g.op("Add", conv_norm(g, relu(g, conv_norm(g, x, 4, 4)), 4, 4), x))
    inner = conv_norm(g, relu(g, conv_norm(g, x, 4, 6, 3, 2)), 6, 6)
    return pooled(g, relu(g, g.op("Add", inner, conv_norm(g, x, 4, 6, 1, 2))), 6)


def preact_resnet(g: Graph) -> str:
    """Normalised before each convolution; shortcuts widened by zeros, as ResNet's option A has it."""
    x = g.conv(g.image, 3, 4, bias=False)
    first = relu(g, g.norm(x, 4))
    inner = g.conv(first, 4, 8, bias=False, strides=[2, 2])
    inner = g.conv(relu(g, g.norm(inner, 8)), 8, 8, bias=False)
    short = g.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    short = g.op("Pad", short, g.whole(0, 2, 0, 0, 0, 2, 0, 0))
    x = relu(g, g.norm(g.op("Add", inner, short), 8))
    given = {"axes": [2, 3]} if g.opset < 18 else {}
    means = g.op("ReduceMean", x, *([] if given else [g.whole(2, 3)]), keepdims=0, **given)
    return g.gemm(means, 8, 4)


def vgg(g: Graph) -> str:
    """Batch normalised; the classifier's view is worked out from the shape."""
    x = relu(g, conv_norm(g, g.image, 3, 4))
    x = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = g.op("MaxPool", relu(g, conv_norm(g, x, 4, 6)), kernel_shape=[2, 2], strides=[2, 2])
    count = g.op("Gather", g.op("Shape", x), g.array(0, np.int64), axis=0)
    sizes = g.op("Concat", g.op("Unsqueeze", count, g.whole(0)), g.whole(-1), axis=0)
    x = relu(g, g.gemm(g.op("Reshape", x, sizes), 96, 8))
    return g.gemm(g.op("Dropout", x), 8, 4)


def relu6(g: Graph, x: str) -> str:
    return str(g.op("Clip", x, g.array(0.0), g.array(6.0)))


def mobilenet_v2(g: Graph) -> str:
    """Inverted residuals, ReLU6 as a Clip."""
    x = relu6(g, conv_norm(g, g.image, 3, 4, 3, 2))
    for stride, filters in ((1, 4), (2, 6)):
        inner = relu6(g, conv_norm(g, x, 4, 12, 1))
        inner = relu6(g, conv_norm(g, inner, 12, 12, 3, stride, 12))
        inner = conv_norm(g, inner, 12, filters, 1)
        x = g.op("Add", x, inner) if stride == 1 else inner
    return pooled(g, x, 6)


def squeezed(g: Graph, x: str, channels: int, active: str, gate: str, **options: float) -> str:
    """Squeeze and excite."""
    means = g.op("GlobalAveragePool", x)
    inner = g.conv(means, channels, 2, 1)
    inner = g.op("Mul", inner, g.op("Sigmoid", inner)) if active == "SiLU" else g.op(active, inner)
    return str(g.op("Mul", g.op(gate, g.conv(inner, 2, channels, 1), **options), x))


def mobilenet_v3(g: Graph) -> str:
    """HardSwish by itself and in its parts, HardSigmoid as a gate."""
    x = g.op("HardSwish", conv_norm(g, g.image, 3, 4, 3, 2))
    inner = conv_norm(g, x, 4, 8, 1)
    inner = g.op("Mul", inner, g.op("Div", relu6(g, g.op("Add", inner, g.array(3.0))), g.array(6.0)))
    inner = relu(g, conv_norm(g, inner, 8, 8, 5, 1, 8))
    inner = squeezed(g, inner, 8, "Relu", "HardSigmoid", alpha=1 / 6)
    return pooled(g, g.op("Add", conv_norm(g, inner, 8, 4, 1), x), 4)


def silu(g: Graph, x: str) -> str:
    return str(g.op("Mul", x, g.op("Sigmoid", x)))


def efficientnet(g: Graph) -> str:
    """SiLU as a product, squeeze and excite with it."""
    x = silu(g, conv_norm(g, g.image, 3, 4, 3, 2))
    inner = silu(g, conv_norm(g, x, 4, 8, 1))
    inner = silu(g, conv_norm(g, inner, 8, 8, 5, 1, 8))
    inner = squeezed(g, inner, 8, "SiLU", "Sigmoid")
    return pooled(g, silu(g, conv_norm(g, g.op("Add", conv_norm(g, inner, 8, 4, 1), x), 4, 6, 1)), 6)


def densenet(g: Graph) -> str:
    """Everything before side by side; a transition between."""
    x, channels = g.conv(g.image, 3, 4, bias=False), 4
    for _ in range(2):
        inner = g.conv(relu(g, g.norm(x, channels)), channels, 6, 1, bias=False)
        inner = g.conv(relu(g, g.norm(inner, 6)), 6, 2, bias=False)
        x, channels = g.op("Concat", x, inner, axis=1), channels + 2
    x = g.conv(relu(g, g.norm(x, channels)), channels, 4, 1, bias=False)
    x = g.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    return pooled(g, relu(g, g.norm(x, 4)), 4)


def shuffled(g: Graph, x: str, channels: int, size: int) -> str:
    x = g.op("Reshape", x, g.whole(-1, 2, channels // 2, size, size))
    return str(g.op("Reshape", g.op("Transpose", x, perm=[0, 2, 1, 3, 4]), g.whole(-1, channels, size, size)))


def shufflenet(g: Graph) -> str:
    """Channels split, half of them worked on, shuffled."""
    x = relu(g, conv_norm(g, g.image, 3, 8, 3, 2))
    for _ in range(2):
        left, right = g.op("Split", x, g.whole(4, 4), axis=1, outputs=2)
        right = relu(g, conv_norm(g, right, 4, 4, 1))
        right = relu(g, conv_norm(g, conv_norm(g, right, 4, 4, 3, 1, 4), 4, 4, 1))
        x = shuffled(g, g.op("Concat", left, right, axis=1), 8, 8)
    return pooled(g, x, 8)


def convnext(g: Graph) -> str:
    """A patched stem, depthwise 7x7, LayerNorm through Transpose, layer scale; its head as torchvision has it."""
    x = g.conv(g.image, 3, 4, 2, pads=[0] * 4, strides=[2, 2])
    x = normalised(g, g.op("Transpose", x, perm=[0, 2, 3, 1]), 4)
    x = g.op("Transpose", x, perm=[0, 3, 1, 2])
    inner = g.op("Transpose", g.conv(x, 4, 4, 7, group=4), perm=[0, 2, 3, 1])
    inner = normalised(g, inner, 4)
    inner = gelu(g, g.op("Add", g.drawn(16), g.op("MatMul", inner, g.drawn(4, 16))))
    inner = g.op("Add", g.drawn(4), g.op("MatMul", inner, g.drawn(16, 4)))
    inner = g.op("Mul", g.op("Transpose", inner, perm=[0, 3, 1, 2]), g.drawn(4, 1, 1))
    x = g.op("GlobalAveragePool", g.op("Add", inner, x))
    x = g.op("Transpose", normalised(g, g.op("Transpose", x, perm=[0, 2, 3, 1]), 4), perm=[0, 3, 1, 2])
    return g.answer(x, 4)


NETS: dict[str, Net] = {
    "ResNet": resnet,
    "PreActResNet": preact_resnet,
    "VGG": vgg,
    "MobileNetV2": mobilenet_v2,
    "MobileNetV3": mobilenet_v3,
    "EfficientNet": efficientnet,
    "DenseNet": densenet,
    "ShuffleNet": shufflenet,
    "ConvNeXt": convnext,
    "ViT": vit(apart),
    "ViT of timm": vit(together),
    "ViT of torchvision": vit(multihead("TorchScript")),
    "nn.TransformerEncoder": encoder("TorchScript"),
}
