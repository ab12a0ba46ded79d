"""Small graphs around single operators, written as exporters write them in each opset."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.differential.onnx.graphs import Graph

Made = tuple[str, int]
"""The name of a tensor, and how many values it has an image."""


class Case(NamedTuple):
    """make: (graph, image) -> the operator's result; opsets: where it means different things."""

    make: Callable[[Graph, str], Made]
    opsets: Sequence[int]
    shape: Sequence[int] = (3, 8, 8)


OLD = (9, 23)


def unary(kind: str, opsets: Sequence[int] = OLD, **attributes: Any) -> Case:
    return Case(lambda g, x: (g.op(kind, x, **attributes), 192), opsets)


def conv(filters: int = 4, kernel: int = 3, size: int = 64, shape: Sequence[int] = (3, 8, 8), **options: Any) -> Case:
    return Case(lambda g, x: (g.conv(x, shape[0], filters, kernel, **options), filters * size), (22,), shape)


def pool(kind: str, kernel: Sequence[int], out: int, *, positive: bool = False, opsets: Sequence[int] = (22,),
         shape: Sequence[int] = (3, 8, 8), **options: Any) -> Case:  # fmt: skip
    def make(g: Graph, x: str) -> Made:
        return g.op(kind, g.op("Relu", x) if positive else x, kernel_shape=list(kernel), **options), 3 * out

    return Case(make, opsets, shape)


def axes_of(
    kind: str, axes: list[int], values: int, input_since: int, keepdims: int = 1
) -> Callable[[Graph, str], Made]:
    def make(g: Graph, x: str) -> Made:
        if g.opset >= input_since:
            return g.op(kind, x, g.whole(*axes), keepdims=keepdims), values
        return g.op(kind, x, axes=axes, keepdims=keepdims), values

    return make


def reduced(kind: str, axes: list[int], values: int, since: int, keepdims: int = 1) -> Case:
    return Case(axes_of(kind, axes, values, since, keepdims), (9, 13, 18, 23))


def reduced_to_one() -> Case:
    """Along all axes of an image, as a layer normalisation of one row has it."""

    def make(g: Graph, x: str) -> Made:
        return g.op("Sub", g.op("Flatten", x), axes_of("ReduceMean", [-1], 1, 18)(g, g.op("Flatten", x))[0]), 192

    return Case(make, (9, 18))


def squeezed(g: Graph, x: str) -> Made:
    x = g.op("GlobalAveragePool", x)
    if g.opset < 13:
        return g.op("Unsqueeze", g.op("Squeeze", x, axes=[2, -1]), axes=[1]), 3
    return g.op("Unsqueeze", g.op("Squeeze", x, g.whole(2, -1)), g.whole(1)), 3


def split(g: Graph, x: str) -> Made:
    x = g.conv(x, 3, 6)
    if g.opset < 13:
        parts = g.op("Split", x, axis=1, split=[1, 3, 2], outputs=3)
    else:
        parts = g.op("Split", x, g.whole(1, 3, 2), axis=1, outputs=3)
    return g.op("Concat", parts[2], g.op("Relu", parts[1]), axis=1), 320


def split_evenly(g: Graph, x: str) -> Made:
    more = {"num_outputs": 3} if g.opset >= 18 else {}
    parts = g.op("Split", x, axis=1, outputs=3, **more)
    return g.op("Sub", g.op("Mul", parts[0], parts[1]), parts[2]), 64


def sliced(g: Graph, x: str) -> Made:
    if g.opset < 10:
        x = g.op("Slice", x, starts=[1, -5], ends=[3, 2**63 - 1], axes=[1, 3])
    else:
        x = g.op("Slice", x, g.whole(1, -5), g.whole(3, 2**63 - 1), g.whole(1, 3))
    return x, 2 * 8 * 5


def padded(g: Graph, x: str) -> Made:
    pads = [0, 1, 0, 2, 0, 0, 1, 0]
    if g.opset < 11:
        return g.op("Pad", x, pads=pads), 4 * 9 * 10
    if g.opset < 18:
        return g.op("Pad", x, g.whole(*pads), g.array(0.0)), 4 * 9 * 10
    return g.op("Pad", x, g.whole(1, 2, 0, 0), "", g.whole(2, -1)), 3 * 9 * 10


def clipped(low: float | None, high: float | None) -> Case:
    def make(g: Graph, x: str) -> Made:
        if g.opset < 11:
            bounds = {name: value for name, value in (("min", low), ("max", high)) if value is not None}
            return g.op("Clip", x, **bounds), 192
        return g.op("Clip", x, *("" if value is None else g.array(value) for value in (low, high))), 192

    return Case(make, (9, 11, 23))


def dropped(g: Graph, x: str) -> Made:
    if g.opset < 12:
        return g.op("Dropout", x, ratio=0.3), 192
    return g.op("Dropout", x, g.array(0.3), g.array(False, np.bool_), outputs=2)[0], 192


def resized(factor: int, mode: str, **rules: str) -> Callable[[Graph, str], Made]:
    def make(g: Graph, x: str) -> Made:
        scales = g.array([1, 1, factor, factor])
        if g.opset < 11:
            return g.op("Upsample" if g.opset == 9 else "Resize", x, scales, mode=mode), 192 * factor**2
        roi = g.array([]) if g.opset < 13 else ""
        return g.op("Resize", x, roi, scales, mode=mode, **rules), 192 * factor**2

    return make


def resized_to(g: Graph, x: str) -> Made:
    """As PyTorch does: the batch and the channels are those of the input, the rest is given."""
    kept = g.op("Slice", g.op("Shape", x), g.whole(0), g.whole(2), g.whole(0))
    sizes = g.op("Concat", kept, g.whole(16, 24), axis=0)
    rules = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    absent = [g.array([]), g.array([])] if g.opset < 13 else ["", ""]
    return g.op("Resize", x, *absent, sizes, mode="nearest", **rules), 3 * 16 * 24


def erf_gelu(order: int) -> Callable[[Graph, str], Made]:
    """x 0.5 (1 + erf(x / sqrt 2)), multiplied in one of the orders that exporters write."""

    def make(g: Graph, x: str) -> Made:
        x, half = g.conv(x, 3, 3), g.array(0.5)
        if order == 3:
            inner = g.op("Mul", x, g.array(np.sqrt(0.5)))
        else:
            inner = g.op("Div", x, g.array(np.sqrt(2)))
        curve = g.op("Add", g.op("Erf", inner), g.array(1.0))
        if order == 0:
            return g.op("Mul", g.op("Mul", x, curve), half), 192
        if order == 1:
            return g.op("Mul", g.op("Mul", x, half), curve), 192
        return g.op("Mul", x, g.op("Mul", half, curve)), 192

    return make


def scaled_gelu(order: int, shape: Sequence[int]) -> Callable[[Graph, str], Made]:
    """Times something that is none of the GELU's own factors."""
    return lambda g, x: (g.op("Mul", erf_gelu(order)(g, x)[0], g.drawn(*shape)), 192)


def squared_gelu(g: Graph, x: str) -> Made:
    x = erf_gelu(0)(g, x)[0]
    return g.op("Mul", x, x), 192


def layer_norm(g: Graph, x: str) -> Made:
    """Its parts, as exporters wrote them before it was an operator."""
    x = g.op("Transpose", g.conv(x, 3, 6), perm=[0, 2, 3, 1])
    mean = axes_of("ReduceMean", [-1], 0, 18)
    centred = g.op("Sub", x, mean(g, x)[0])
    variance = mean(g, g.op("Pow", centred, g.array(2.0)))[0]
    deviation = g.op("Sqrt", g.op("Add", variance, g.array(1e-5)))
    scaled = g.op("Mul", g.op("Div", centred, deviation), g.drawn(6))
    return g.op("Add", scaled, g.drawn(6)), 384


def layer_norm_of(axis: int, sizes: Sequence[int], *, bias: bool = True) -> Case:
    def make(g: Graph, x: str) -> Made:
        arrays = [g.drawn(*sizes), *([g.drawn(*sizes)] if bias else [])]
        return g.op("LayerNormalization", x, *arrays, axis=axis, epsilon=1e-3), 192

    return Case(make, (17, 23))


def group_norm(g: Graph, x: str) -> Made:
    x = g.conv(x, 3, 6)
    scales = 2 if g.opset < 21 else 6
    return g.op("GroupNormalization", x, g.drawn(scales), g.drawn(scales), num_groups=2), 384


def group_norm_by_instances(g: Graph, x: str) -> Made:
    """As PyTorch writes it."""
    x = g.conv(x, 3, 6)
    apart = g.op("Reshape", x, g.whole(0, 2, -1))
    normal = g.op("InstanceNormalization", apart, g.array([1, 1]), g.array([0, 0]))
    back = g.op("Reshape", normal, g.op("Shape", x))
    return g.op("Add", g.op("Mul", back, g.drawn(6, 1, 1)), g.drawn(6, 1, 1)), 384


def shuffled(g: Graph, x: str) -> Made:
    x = g.conv(x, 3, 6)
    x = g.op("Transpose", g.op("Reshape", x, g.whole(-1, 2, 3, 8, 8)), perm=[0, 2, 1, 3, 4])
    return g.conv(g.op("Reshape", x, g.whole(-1, 6, 8, 8)), 6, 2), 128


def worked_out(g: Graph, x: str) -> Made:
    """x.view(x.size(0), x.size(1) * x.size(2), -1), as PyTorch writes it."""
    sizes = [g.op("Gather", g.op("Shape", x), g.array(axis, np.int64)) for axis in range(3)]
    rows = g.op("Cast", g.op("Mul", sizes[1], sizes[2]), to=7)
    parts = [sizes[0], rows, g.array(-1, np.int64)]
    if g.opset < 13:
        parts = [g.op("Unsqueeze", part, axes=[0]) for part in parts]
    else:
        parts = [g.op("Unsqueeze", part, g.whole(0)) for part in parts]
    return g.op("Relu", g.op("Reshape", x, g.op("Concat", *parts, axis=0))), 192


def with_constants(g: Graph, x: str) -> Made:
    """(x / 0.25 - mean) / std, with constants from nodes."""
    values = np.array([0.4, 0.5, 0.6], np.float32).reshape(3, 1, 1)
    mean = g.op("Constant", value=_tensor(values))
    spread = g.op("Unsqueeze", g.array([0.2, 0.3, 0.4]), g.whole(1, 2))
    quarter = g.op("Constant", value_float=0.25)
    x = g.op("Div", g.op("Sub", g.op("Div", x, quarter), mean), spread)
    one = g.op("ConstantOfShape", g.whole(1), value=_tensor(np.array([1], np.float32)))
    return g.op("Neg", g.op("Sub", one, x)), 192


def _tensor(value: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(value)


def matmul(g: Graph, x: str) -> Made:
    """On the axis of the columns, then on the channels."""
    x = g.op("Add", g.op("MatMul", x, g.drawn(8, 5)), g.drawn(5))
    x = g.op("MatMul", g.op("Transpose", x, perm=[0, 2, 3, 1]), g.drawn(3, 4))
    return g.op("Add", g.drawn(1), x), 8 * 5 * 4


def gemm(g: Graph, x: str) -> Made:
    x = g.op("Gemm", g.op("Flatten", x), g.drawn(192, 6), g.drawn(1, 6), alpha=0.5, beta=2.0)
    return g.op("Gemm", x, g.drawn(5, 6), g.drawn(1), transB=1), 5


def prelu(*shape: int) -> Case:
    return Case(lambda g, x: (g.op("PRelu", x, g.drawn(*shape)), 192), OLD)


def biased(g: Graph, x: str) -> Made:
    """A bias apart from its convolution, as TensorFlow's exporter writes it."""
    x = g.op("Add", g.conv(x, 3, 4, bias=False), g.drawn(1, 4, 1, 1))
    return g.op("Add", g.conv(x, 4, 4, bias=False, group=4), g.drawn(4, 1, 1)), 256


def token(g: Graph, x: str) -> Made:
    """One place of an axis."""
    return g.op("Gather", x, g.array(-2, np.int64), axis=2), 24


def gated(g: Graph, x: str) -> Made:
    """Squeeze and excite."""
    gate = g.op("Sigmoid", g.conv(g.op("GlobalAveragePool", x), 3, 3, 1))
    return g.op("Mul", gate, x), 192


def softmax(axis: int | None, opsets: Sequence[int]) -> Case:
    more = {} if axis is None else {"axis": axis}
    return Case(lambda g, x: (g.op("Softmax", x, **more), 192), opsets)


def depth_to_space(mode: str) -> Case:
    def make(g: Graph, x: str) -> Made:
        return g.conv(g.op("DepthToSpace", g.conv(x, 3, 8), blocksize=2, mode=mode), 2, 3), 3 * 256

    return Case(make, (11, 23))


def transposed(kernel: int, out: int, **options: Any) -> Case:
    def make(g: Graph, x: str) -> Made:
        return g.op("ConvTranspose", x, g.drawn(3, 4, kernel, kernel), g.drawn(4), **options), 4 * out * out

    return Case(make, (9, 22))


def ranged(g: Graph, x: str) -> Made:
    """A shape out of a range: (batch, 1, 2, 3, 32)."""
    numbers = g.op("Range", g.array(1, np.int64), g.array(4, np.int64), g.array(1, np.int64))
    return g.op("Relu", g.op("Reshape", x, g.op("Concat", g.whole(-1), numbers, g.whole(32), axis=0))), 192


def plain(make: Callable[[Graph, str], str], values: int = 192, opsets: Sequence[int] = OLD) -> Case:
    """A graph whose result has so many values an image."""
    return Case(lambda g, x: (make(g, x), values), opsets)


def unit(floor: str, expanded: bool) -> Case:
    """torch.nn.functional.normalize along the channels."""

    def make(g: Graph, x: str) -> str:
        if g.opset >= 18:
            length = g.op("ReduceL2", x, g.whole(1), keepdims=1)
        else:
            length = g.op("ReduceL2", x, axes=[1], keepdims=1)
        length = g.op(floor, length, g.array(1e-12))
        return str(g.op("Div", x, g.op("Expand", length, g.op("Shape", x)) if expanded else length))

    return plain(make, opsets=(13, 18, 23))


def chosen(*branches: str, shape: Sequence[int] = (1, 8, 8)) -> Case:
    """Where by a chess board, between the image, its negative and constants."""

    def make(g: Graph, x: str) -> str:
        board = g.array(np.indices(shape).sum(axis=0) % 2 == 0, bool)
        given = {"image": x, "mirrored": g.op("Neg", x), "number": g.array(0.3), "numbers": g.drawn(3, 8, 1)}
        return str(g.op("Where", board, *(given[name] for name in branches)))

    return plain(make, opsets=(9, 16, 23))


def product(left: Sequence[int], right: Sequence[int], values: int) -> Case:
    """MatMul of the image by itself in other shapes."""

    def make(g: Graph, x: str) -> str:
        one = g.op("Reshape", x, g.whole(-1, *left))
        two = g.op("Tanh", g.op("Reshape", x, g.whole(-1, *right)))
        return str(g.op("MatMul", one, two))

    return plain(make, values, OLD)


def with_token(g: Graph, x: str) -> str:
    """A class token before the rows, as PyTorch writes `token.expand(batch, -1, -1)`, and positions."""
    rows = g.op("Transpose", g.op("Reshape", x, g.whole(0, 3, 64)), perm=[0, 2, 1])
    wanted = g.op("Concat", batch_of(g, x), g.whole(-1, -1), axis=0)
    ones = g.op("ConstantOfShape", g.op("Shape", wanted), value=_tensor(np.array([1], np.int64)))
    same = g.op("Equal", wanted, g.op("Mul", ones, g.array(-1, np.int64)))
    token = g.op("Expand", g.drawn(1, 2, 3), g.op("Where", same, ones, wanted))
    return str(g.op("Add", g.op("Concat", token, rows, axis=1), g.drawn(1, 66, 3)))


def batch_of(g: Graph, x: str) -> str:
    one = g.op("Gather", g.op("Shape", x), g.array(0, np.int64), axis=0)
    return str(g.op("Unsqueeze", one, axes=[0]) if g.opset < 13 else g.op("Unsqueeze", one, g.whole(0)))


def attention(g: Graph, x: str) -> str:
    """The operator, of keys and values in rows of their own; a token is repeated for every image by Tile."""
    token = g.op(
        "Tile",
        g.drawn(1, 1, 1, 8),
        g.op("Concat", batch_of(g, x), g.op("Mod", g.whole(8, 1, 1), g.whole(5, 2, 2)), axis=0),
    )
    k = g.op("Concat", token, x, axis=2)
    return str(g.op("Attention", x, k, g.op("Slice", k, g.whole(0), g.whole(4), g.whole(3)), scale=0.3))


def taken_apart(how: str) -> Case:
    """Queries, keys and values out of one tensor, put before the batch: by Gather, or Split and Squeeze."""

    def make(g: Graph, x: str) -> str:
        moved = g.op("Transpose", g.op("Reshape", x, g.whole(-1, 8, 3, 2, 4)), perm=[2, 0, 3, 1, 4])
        if how == "Gather":
            q, k, v = (g.op("Gather", moved, g.array(place, np.int64), axis=0) for place in (0, 1, -1))
        else:
            equal = {"num_outputs": 3} if g.opset >= 18 else {}
            parts = g.op("Split", moved, axis=0, outputs=3, **equal)
            q, k, v = (g.op("Squeeze", part, g.whole(0)) for part in parts)
        scores = g.op("MatMul", g.op("Mul", q, g.array(0.5)), g.op("Transpose", k, perm=[0, 1, 3, 2]))
        heads = g.op("MatMul", g.op("Softmax", scores, axis=-1), v)
        return str(g.op("Reshape", g.op("Transpose", heads, perm=[0, 2, 1, 3]), g.whole(0, 8, 8)))

    return plain(make, 64, (13, 18, 23))
