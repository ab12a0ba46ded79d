"""Vision transformers as they are exported, with attention as timm, Hugging Face and PyTorch itself have it."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from tests.differential.onnx.graphs import CLASSES, Graph

END = 2**63 - 1


class Form(NamedTuple):
    """patches: how many; patch: how many pixels wide each is. blocks: of attention and two layers. inner: of those."""

    width: int = 12
    heads: int = 3
    patches: int = 16
    patch: int = 4
    blocks: int = 2
    inner: int = 24
    classes: int = CLASSES

    @property
    def each(self) -> int:
        """Values of one head."""
        return self.width // self.heads

    @property
    def rows(self) -> int:
        """Patches and the class token."""
        return self.patches + 1


SMALL = Form()
VIT_B_16 = Form(width=768, heads=12, patches=196, patch=16, blocks=12, inner=3072, classes=1000)
WIDTH, PATCHES, HEADS, EACH = SMALL.width, SMALL.patches, SMALL.heads, SMALL.each

Net = Callable[[Graph], str]
Attention = Callable[[Graph, str], str]
"""(graph, rows) -> rows, both (batch, rows, width)."""
Size = int | str
"""A number, or the name of one that the graph works out."""


def gelu(g: Graph, x: str) -> str:
    if g.opset >= 20:
        return str(g.op("Gelu", x))
    curve = g.op("Add", g.op("Erf", g.op("Div", x, g.array(np.sqrt(2)))), g.array(1.0))
    return str(g.op("Mul", g.op("Mul", x, curve), g.array(0.5)))


def normalised(g: Graph, x: str, channels: int) -> str:
    """An operator from opset 17 on, before that its parts."""
    factor, summand = g.drawn(channels), g.drawn(channels)
    if g.opset >= 17:
        return str(g.op("LayerNormalization", x, factor, summand, axis=-1, epsilon=1e-6))
    centred = g.op("Sub", x, g.op("ReduceMean", x, axes=[-1]))
    variance = g.op("ReduceMean", g.op("Pow", centred, g.array(2.0)), axes=[-1])
    normal = g.op("Div", centred, g.op("Sqrt", g.op("Add", variance, g.array(1e-6))))
    return str(g.op("Add", g.op("Mul", normal, factor), summand))


def linear(g: Graph, x: str, units: int, values: int = WIDTH) -> str:
    return str(g.op("Add", g.op("MatMul", x, g.drawn(values, units)), g.drawn(units)))


def embedded(g: Graph, form: Form = SMALL) -> str:
    """Patches as rows, a class token before them, positions added: (batch, rows, width)."""
    x = g.conv(g.image, 3, form.width, form.patch, pads=[0] * 4, strides=[form.patch] * 2)
    x = g.op("Transpose", g.op("Reshape", x, g.whole(0, form.width, form.patches)), perm=[0, 2, 1])
    first = g.op("Slice", g.op("Shape", x), g.whole(0), g.whole(1), g.whole(0))
    token = g.op("Expand", g.drawn(1, 1, form.width), g.op("Concat", first, g.whole(1, form.width), axis=0))
    return str(g.op("Add", g.op("Concat", token, x, axis=1), g.drawn(1, form.rows, form.width)))


def attended(g: Graph, q: str, k: str, v: str) -> str:
    """softmax(q k^T / sqrt(d)) v of (batch, HEADS, n, d), heads side by side again."""
    scores = g.op("Div", g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2])), g.array(np.sqrt(EACH)))
    heads = g.op("Transpose", g.op("MatMul", g.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
    return linear(g, g.op("Reshape", heads, g.whole(0, 0, WIDTH)), WIDTH)


def apart(g: Graph, x: str) -> str:
    """Queries, keys and values by a matrix each, as Hugging Face has them."""
    split = [g.op("Reshape", linear(g, x, WIDTH), g.whole(0, 0, HEADS, EACH)) for _ in range(3)]
    return attended(g, *(g.op("Transpose", each, perm=[0, 2, 1, 3]) for each in split))


def together(g: Graph, x: str) -> str:
    """By one matrix, taken apart in front of the batch, as timm has them."""
    qkv = g.op("Reshape", linear(g, x, 3 * WIDTH), g.whole(0, 0, 3, HEADS, EACH))
    qkv = g.op("Transpose", qkv, perm=[2, 0, 3, 1, 4])
    return attended(g, *(g.op("Gather", qkv, g.array(place, np.int64), axis=0) for place in range(3)))


@dataclass(frozen=True)
class Writer:
    """What the exporters of PyTorch make of `torch.nn.MultiheadAttention`, whose rows are (rows, batch, width).

    exporter: "TorchScript" (dynamo=False), "dynamo", or "PyTorch 1", which took queries, keys and values apart by a
    Split. weights: whether need_weights is left as it is, True, which has a way of its own.
    """

    g: Graph
    exporter: str
    weights: bool
    form: Form = SMALL

    def view(self, x: str, *sizes: Size) -> str:
        """x.view(sizes); -1 where the batch is open and the exporter leaves it to the operator."""
        g = self.g
        if all(isinstance(size, int) for size in sizes):
            return str(g.op("Reshape", x, g.whole(*(size for size in sizes if isinstance(size, int)))))
        parts = [g.whole(size) if isinstance(size, int) else unsqueezed(g, size) for size in sizes]
        return str(g.op("Reshape", x, g.op("Concat", *parts, axis=0)))

    def times(self, x: str, count: int | str) -> tuple[Size, Size]:
        """The number of images of (n, batch, values), and that times a count."""
        g = self.g
        if isinstance(g.batch, int) and isinstance(count, int):
            return g.batch, g.batch * count
        if self.exporter == "dynamo":
            return -1, -1
        batch = size_of(g, x, 1)
        return batch, str(g.op("Mul", batch, count if isinstance(count, str) else g.array(count, np.int64)))

    def attention(self, x: str) -> str:
        """(rows, batch, width) -> the same."""
        g, form = self.g, self.form
        rows: Size = size_of(g, x, 0) if self.exporter != "dynamo" and isinstance(g.batch, str) else form.rows
        batch, joined = self.times(x, form.heads)
        parts = self._packed(x, batch)
        q, k, v = (g.op("Transpose", self.view(part, rows, joined, form.each), perm=[1, 0, 2]) for part in parts)
        if self.weights:
            q = g.op("Mul", q, g.array(1 / sqrt(form.each)))
            scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 2, 1]))
            heads = g.op("Transpose", g.op("MatMul", g.op("Softmax", scores, axis=-1), v), perm=[1, 0, 2])
        else:
            q, k, v = (self.view(each, batch, form.heads, rows, form.each) for each in (q, k, v))
            heads = g.op("Transpose", self._scaled(q, k, v), perm=[2, 0, 1, 3])
        flat = self.view(heads, self.times(x, rows)[1], form.width)
        return self.view(g.gemm(flat, form.width, form.width), rows, batch, form.width)

    def _packed(self, x: str, batch: Size) -> list[str]:
        """Queries, keys and values out of one product."""
        g, width = self.g, self.form.width
        qkv = linear(g, x, 3 * width, width)
        if self.exporter == "PyTorch 1":
            return list(g.op("Split", qkv, axis=-1, outputs=3))
        if self.exporter == "dynamo":
            qkv = self.view(qkv, self.form.rows, batch, 3, width)
        else:  # qkv.unflatten(-1, (3, width)), as the exporter works it out
            place = g.op("Mod", g.whole(2), g.whole(3))
            before = g.op("Slice", g.op("Shape", qkv), g.whole(0), g.op("Reshape", place, g.whole(1)))
            begin = g.op("Reshape", g.op("Add", place, g.whole(1)), g.whole(1))
            behind = g.op("Slice", g.op("Shape", qkv), begin, g.whole(END))
            qkv = g.op("Reshape", qkv, g.op("Concat", before, g.whole(3, width), behind, axis=0))
        moved = g.op("Transpose", g.op("Unsqueeze", qkv, g.whole(0)), perm=[3, 1, 2, 0, 4])
        moved = g.op("Squeeze", moved, g.whole(3 if self.exporter == "TorchScript" else -2))
        return [g.op("Gather", moved, g.array(place, np.int64), axis=0) for place in range(3)]

    def _scaled(self, q: str, k: str, v: str) -> str:
        """scaled_dot_product_attention of (batch, heads, rows, each), whose exporter halves the scaling."""
        g = self.g
        if g.opset >= 23:
            return str(g.op("Attention", q, k, v, is_causal=0, qk_matmul_output_mode=0, softcap=0.0))
        root: Any = g.array([self.form.each**-0.25])
        if self.exporter == "dynamo":
            turned = self._turned(k)
        else:
            size = g.op("Cast", g.op("Slice", g.op("Shape", q), g.whole(-1), g.whole(END)), to=1)
            root = g.op("Sqrt", g.op("Cast", g.op("Div", g.array([1.0]), g.op("Sqrt", size)), to=1))
            turned = g.op("Transpose", k, perm=[0, 1, 3, 2])
        scores = g.op("MatMul", g.op("Mul", q, root), g.op("Mul", turned, root))
        return str(g.op("MatMul", g.op("Softmax", scores, axis=-1), v))

    def _turned(self, k: str) -> str:
        """Its last two axes changed as the dynamo exporter does where the batch is open: as three axes."""
        g, shape = self.g, self.g.op("Shape", k, start=0)
        last = g.op("Slice", shape, g.whole(-1), g.whole(END))
        second = g.op("Slice", shape, g.whole(-2), g.whole(-1))
        first = g.op("Slice", shape, g.whole(-(2**63)), g.whole(-2))
        three = g.op("Reshape", k, g.op("Concat", g.whole(-1), second, last, axis=0))
        three = g.op("Transpose", three, perm=[0, 2, 1])
        return str(g.op("Reshape", three, g.op("Concat", first, last, second, axis=0)))


def size_of(g: Graph, x: str, axis: int) -> str:
    return str(g.op("Gather", g.op("Shape", x), g.array(axis, np.int64), axis=0))


def unsqueezed(g: Graph, x: str) -> str:
    return str(g.op("Unsqueeze", x, axes=[0]) if g.opset < 13 else g.op("Unsqueeze", x, g.whole(0)))


def multihead(exporter: str, *, weights: bool = False, form: Form = SMALL) -> Attention:
    """torch.nn.MultiheadAttention(batch_first=True), as torchvision has it: the rows come first for it alone."""

    def make(g: Graph, x: str) -> str:
        moved = g.op("Transpose", x, perm=[1, 0, 2])
        return str(g.op("Transpose", Writer(g, exporter, weights, form).attention(moved), perm=[1, 0, 2]))

    return make


def vit(attention: Attention, form: Form = SMALL) -> Net:
    """Blocks of attention and two layers, both beside a shortcut; the class token answers."""

    def make(g: Graph) -> str:
        x, width = embedded(g, form), form.width
        for _ in range(form.blocks):
            x = g.op("Add", x, attention(g, normalised(g, x, width)))
            inner = gelu(g, linear(g, normalised(g, x, width), form.inner, width))
            x = g.op("Add", x, linear(g, inner, width, form.inner))
        return g.gemm(g.op("Gather", normalised(g, x, width), g.array(0, np.int64), axis=1), width, form.classes)

    return make


def token_first(g: Graph, exporter: str) -> str:
    """Patches as (rows, batch, width): a token that is expanded along the second axis, positions (rows, 1, width)."""
    x = g.conv(g.image, 3, WIDTH, 4, pads=[0] * 4, strides=[4, 4])
    x = g.op("Transpose", g.op("Reshape", x, g.whole(0, WIDTH, PATCHES)), perm=[2, 0, 1])
    token = g.drawn(1, 1, WIDTH)
    if exporter == "dynamo" and isinstance(g.batch, str):
        first = g.op("Shape", g.image, start=0, end=1)
        token = g.op("Expand", token, g.op("Concat", g.whole(1), first, g.whole(1), axis=0))
    elif isinstance(g.batch, str):  # token.expand(-1, batch, -1)
        wanted = g.op("Concat", g.whole(-1), unsqueezed(g, size_of(g, g.image, 0)), g.whole(-1), axis=0)
        ones = g.op("ConstantOfShape", g.op("Shape", wanted), value=one())
        same = g.op("Equal", wanted, g.op("Mul", ones, g.array(-1, np.int64)))
        token = g.op("Expand", token, g.op("Where", same, ones, wanted))
    else:
        token = g.op("Tile", token, g.whole(1, g.batch, 1))
    return str(g.op("Add", g.op("Concat", token, x, axis=0), g.drawn(SMALL.rows, 1, WIDTH)))


def one() -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array([1], np.int64))


def encoder(exporter: str, *, weights: bool = False, pool: str = "token") -> Net:
    """torch.nn.TransformerEncoder(batch_first=False): normalised behind each shortcut, ReLU. pool: token or mean."""

    def make(g: Graph) -> str:
        x = token_first(g, exporter)
        for _ in range(2):
            x = normalised(g, g.op("Add", x, Writer(g, exporter, weights).attention(x)), WIDTH)
            inner = g.op("Relu", linear(g, x, 2 * WIDTH))
            x = normalised(g, g.op("Add", x, linear(g, inner, WIDTH, 2 * WIDTH)), WIDTH)
        if pool == "token":
            x = g.op("Gather", x, g.array(0, np.int64), axis=0)
        elif g.opset < 18:
            x = g.op("ReduceMean", x, axes=[0], keepdims=0)
        else:
            x = g.op("ReduceMean", x, g.whole(0), keepdims=0)
        return g.gemm(normalised(g, x, WIDTH), WIDTH, CLASSES)

    return make
