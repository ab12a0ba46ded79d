"""ONNX graphs that join images of a batch, compute what no layer does, or grow beyond all bounds."""

import numpy as np

from tests.differential.onnx.graphs import Graph
from tests.differential.onnx.parts import batch_of
from tests.hostile.families.case import Case, stored
from tests.hostile.families.onnx_files import Make, net, operator


def _bomb(g: Graph, x: str) -> str:
    """10^12 numbers out of four."""
    ones = g.op("ConstantOfShape", g.whole(10**4, 10**4, 10**4))
    return str(g.op("Mul", x, ones))


def _doubling(g: Graph, x: str) -> str:
    """2^40 numbers out of one, a bit at a time."""
    grown = g.drawn(1)
    for _ in range(40):
        grown = g.op("Concat", grown, grown, axis=0)
    return str(g.op("Mul", x, grown))


def _enlarging(g: Graph, x: str) -> str:
    x = g.conv(x, 3, 1)
    for _ in range(40):
        rules = {"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
        x = g.op("Resize", x, "", g.array([1, 1, 1024, 1024]), mode="nearest", **rules)
    return x


def _long(g: Graph, x: str) -> str:
    for _ in range(9000):
        x = g.op("Relu", x)
    return x


def _shared_weights(g: Graph, x: str) -> str:
    """One array, the weights of many layers: more than the file holds."""
    x, kernel = g.op("Flatten", x), g.array(np.zeros((192, 192)))
    for _ in range(900):
        x = g.op("MatMul", x, kernel)
    return x


def _across(g: Graph, x: str) -> str:
    """Attention of rows that come first, given images that do: every image looks at all others."""
    moved = g.op("Transpose", g.op("Reshape", x, g.whole(0, 24, 8)), perm=[1, 0, 2])
    scores = g.op("MatMul", moved, g.op("Transpose", moved, perm=[0, 2, 1]))
    return str(g.op("Transpose", g.op("MatMul", g.op("Softmax", scores, axis=-1), moved), perm=[1, 0, 2]))


def _squares(g: Graph, x: str) -> str:
    """As many images as rows and columns, and their rows multiplied."""
    rows = g.op("Reshape", g.op("Slice", x, g.whole(0), g.whole(1), g.whole(1)), g.whole(8, 8, 8))
    moved = g.op("Transpose", rows, perm=[1, 0, 2])
    return str(g.op("MatMul", moved, moved))


def _viewed(g: Graph, x: str) -> str:
    """Rows put first by a view, which takes them from other images."""
    rows = g.op("Reshape", g.op("Reshape", x, g.whole(g.batch, 24, 8)), g.whole(24, g.batch, 8))
    return str(g.op("Softmax", rows, axis=0))


def _repeated(g: Graph, x: str, times: str) -> str:
    """The images beside a constant that is there another number of times."""
    sizes = g.op("Concat", g.op("Mul", batch_of(g, x), times), g.whole(3, 8, 1), axis=0)
    return str(g.op("Concat", g.op("Expand", g.drawn(1, 3, 8, 1), sizes), x, axis=3))


def _behind(g: Graph, x: str) -> str:
    """(C, H, batch, W)."""
    return str(g.op("Transpose", x, perm=[1, 2, 0, 3]))


def _pieces_answered() -> bytes:
    """A row of scores for each channel of each image."""
    g = Graph(17)
    return g.file(g.gemm(g.op("Reshape", g.image, g.whole(-1, 64)), 64, 4))


def _matrices(left: list[int], right: list[int]) -> Make:
    """The image, in one shape and in another, multiplied."""
    return lambda g, x: str(g.op("MatMul", *(g.op("Reshape", x, g.whole(-1, *shape)) for shape in (left, right))))


def _many_heads(g: Graph, x: str) -> str:
    """As many matrices as values, each a layer of its own."""
    x = g.op("Reshape", g.conv(x, 3, 96), g.whole(0, 6144, 1, 1))
    return str(g.op("MatMul", x, x))


def _large_product(g: Graph, x: str) -> str:
    """(6144 * 64) ^ 2 values out of one column."""
    column = g.op(
        "Reshape", g.conv(g.op("Resize", x, "", g.array([1, 1, 8, 8]), mode="nearest"), 3, 96), g.whole(0, -1, 1)
    )
    return str(g.op("MatMul", column, g.op("Transpose", column, perm=[0, 2, 1])))


def _moved(g: Graph, x: str) -> str:
    return str(g.op("Transpose", x, perm=[1, 0, 2, 3]))


def _token(g: Graph, x: str, *shape: int, repeated: bool = True) -> str:
    """A constant beside the columns."""
    token = g.drawn(*shape)
    if repeated:
        sizes = g.op("Concat", g.op("Slice", g.op("Shape", x), g.whole(0), g.whole(1)), g.whole(*shape[1:]), axis=0)
        token = g.op("Expand", token, sizes)
    return token


def _length(g: Graph, x: str, floor: float, axis: int = 1) -> str:
    """The image by its length along the channels."""
    length = g.op("ReduceL2", x, axes=[axis], keepdims=1)
    return str(g.op("Div", x, g.op("Clip", length, g.array(floor)) if floor else length))


def _split_of_sizes(sizes: list[int]) -> bytes:
    return net(lambda g, x: g.op("Split", x, g.whole(*sizes), axis=1, outputs=2)[0])


REFUSED: dict[str, Case] = {
    name: Case(stored("model.onnx", content), said)
    for name, (content, said) in {
        # The batch
        "the batch moved": (operator("Transpose", perm=[1, 0, 2, 3]), "do not begin with the batch"),
        "the batch joined": (net(lambda g, x: g.op("Reshape", x, g.whole(-1, 64))), "do not begin with the batch"),
        "a batch of one by name": (net(lambda g, x: g.op("Reshape", x, g.whole(1, 192))), "batch is not kept"),
        "a batch that is another": (
            net(lambda g, x: g.op("Reshape", x, g.whole(3, 192)), batch=2),
            "batch is not kept",
        ),
        "the number of images as a size": (
            net(lambda g, x: g.op("Reshape", x, g.op("Concat", g.op("Shape", x), g.op("Shape", x), axis=0))),
            "batch is not kept",
        ),
        "the number of images as a number": (
            net(lambda g, x: g.op("Reshape", x, g.op("Mul", g.op("Shape", x), g.op("Shape", x)))),
            "number of images by itself",
        ),
        "softmax over the batch": (operator("Softmax", axis=0), "axis 0, the batch"),
        "the batch cut": (net(lambda g, x: g.op("Slice", x, g.whole(0), g.whole(1), g.whole(0))), "axis 0, the batch"),
        "a constant for each image": (
            net(lambda g, x: g.op("Add", x, g.drawn(2, 1, 1, 1)), batch=2),
            "combines a tensor",
        ),
        "attention across the batch": (net(_across), "in different axes"),
        "attention across a batch of two": (net(_across, batch=2), "in different axes"),
        "matrices of images": (net(_squares, batch=8), "of which the batch is an axis"),
        "rows put first by a view": (net(_viewed, batch=5), "batch is not kept"),
        "rows put first by a view that fits": (net(_viewed, batch=2), "axis 0, the batch"),
        "softmax over a moved batch": (net(lambda g, x: g.op("Softmax", _moved(g, x), axis=1)), "axis 1, the batch"),
        "softmax from before a moved batch on": (
            net(lambda g, x: g.op("Softmax", _moved(g, x), axis=0), opset=11),
            "the batch among them",
        ),
        "softmax over rows of several images": (
            net(lambda g, x: g.op("Softmax", g.op("Reshape", x, g.whole(-1, 64)), axis=0)),
            "axis 0, the batch",
        ),
        "a normalisation over a moved batch": (
            net(lambda g, x: g.op("LayerNormalization", _behind(g, x), g.drawn(2, 8), axis=2), batch=2),
            "axis 2, the batch",
        ),
        "a normalisation from before a moved batch on": (
            net(lambda g, x: g.op("LayerNormalization", _behind(g, x), g.drawn(8, 2, 8), axis=1), batch=2),
            "the batch among them",
        ),
        "a mean over a moved batch": (
            net(lambda g, x: g.op("ReduceMean", _behind(g, x), axes=[2])),
            "axis 2, the batch",
        ),
        "a matrix along a moved batch": (
            net(lambda g, x: g.op("MatMul", g.op("Transpose", x, perm=[1, 2, 3, 0]), g.drawn(2, 2)), batch=2),
            "axis -1, the batch",
        ),
        "images beside images": (net(lambda g, x: g.op("Concat", _moved(g, x), _moved(g, x), axis=1)), "axis 1, the"),
        "images added to places": (net(lambda g, x: g.op("Add", _moved(g, x), x), batch=3), "in different axes"),
        "a position for each image": (
            net(lambda g, x: g.op("Add", _moved(g, x), g.drawn(3, 2, 8, 8)), batch=2),
            "differ along the batch",
        ),
        "a row of scores for each channel": (_pieces_answered(), "batch in other axes"),
        "twice as many tokens": (net(lambda g, x: _repeated(g, x, g.whole(2))), "do not fit"),
        "no tokens": (net(lambda g, x: _repeated(g, x, g.whole(0))), "other than a number from 1"),
        "very many tokens": (net(lambda g, x: _repeated(g, x, g.whole(2**62))), "other than a number from 1"),
        "axes kept twice": (net(lambda g, x: g.op("ReduceMean", x, axes=[1], keepdims=2)), "keepdims 2"),
        "a window rounded up by a large number": (
            operator("MaxPool", kernel_shape=[3, 3], ceil_mode=2**63 - 1),
            "the standard has 0 and 1",
        ),
        "a squeeze of whatever is 1": (operator("Squeeze"), "names no axes"),
        # What no layer computes
        "matrices that do not fit": (net(_matrices([12, 16], [12, 16])), "read are matrices that fit"),
        "matrices of other heads": (net(_matrices([4, 6, 8], [2, 8, 12])), "as many on the left"),
        "a row by a column": (net(lambda g, x: g.op("MatMul", g.op("Flatten", x), g.op("Flatten", x))), "matrices"),
        "a constant matrix on the left": (net(lambda g, x: g.op("MatMul", g.drawn(8, 8), x)), "on the left"),
        "many heads": (net(_many_heads), "the limit is"),
        "a large product": (net(_large_product), "the limit is"),
        "another place of a moved axis": (
            net(lambda g, x: g.op("Gather", _moved(g, x), g.array(0, np.int64), axis=1)),
            "axis 1, the batch",
        ),
        "a place behind a moved axis": (
            net(lambda g, x: g.op("Gather", _moved(g, x), g.array(3, np.int64), axis=0)),
            "places 3 to 4 of an axis of 3",
        ),
        "parts of a moved axis": (
            net(lambda g, x: g.op("Split", _moved(g, x), g.whole(1, 2), axis=0, outputs=2)[0]),
            "do not begin with the batch",
        ),
        "a condition of the image": (net(lambda g, x: g.op("Where", g.op("Equal", x, x), x, x)), "constants alone"),
        "a condition of numbers": (net(lambda g, x: g.op("Where", g.whole(1), x, x)), "truth values"),
        "a choice that grows": (
            net(lambda g, x: g.op("Where", g.array(np.ones((2, 3, 8, 8)), bool), x, x)),
            "chooses by an array",
        ),
        "a choice among what does not fit": (
            net(lambda g, x: g.op("Where", g.array(np.eye(8), bool), x, g.drawn(3, 1))),
            "chooses by an array",
        ),
        "a choice of infinity": (
            net(lambda g, x: g.op("Where", g.array(np.eye(8), bool), x, g.array(-np.inf))),
            "not finite",
        ),
        "a bound that is no number": (net(lambda g, x: g.op("Max", x, g.array(np.nan))), "not finite"),
        "a bound of a batch": (net(lambda g, x: g.op("Min", x, g.drawn(2, 3, 8, 8))), "one for each place"),
        "an infinite sum": (net(lambda g, x: g.op("Add", x, g.array(np.full((8, 8), np.inf)))), "not finite"),
        "a division by zeros": (net(lambda g, x: g.op("Div", x, g.array(np.zeros((8, 8))))), "one for each place"),
        "a length alone": (net(lambda g, x: g.op("ReduceL2", x, axes=[1], keepdims=1)), "within a pattern"),
        "a length of nothing": (net(lambda g, x: _length(g, x, 0.0)), "divides by what is computed"),
        "a length of another least": (net(lambda g, x: _length(g, x, 1e-3)), "divides by what is computed"),
        "a length of the batch": (net(lambda g, x: _length(g, x, 1e-12, axis=0)), "the batch"),
        "an image that is repeated": (
            net(lambda g, x: g.op("Expand", g.op("GlobalMaxPool", x), g.whole(1, 3, 8, 8))),
            "more values than it has",
        ),
        "a batch that is repeated": (net(lambda g, x: g.op("Expand", x, g.whole(2, 3, 8, 8))), "expands"),
        "a token of one image": (
            net(lambda g, x: g.op("Concat", _token(g, x, 1, 3, 8, 1, repeated=False), x, axis=3)),
            "not there for every image",
        ),
        "a token of another size": (
            net(lambda g, x: g.op("Concat", _token(g, x, 1, 3, 7, 1), x, axis=3)),
            "with a constant",
        ),
        "a token in a sum": (net(lambda g, x: g.op("Add", x, _token(g, x, 1, 3, 8, 8))), "repeated for every"),
        "a token of tokens": (
            net(lambda g, x: g.op("Add", x, g.op("Mul", _token(g, x, 1, 3, 8, 1), g.drawn(1)))),
            "repeated for every",
        ),
        "the number of images compared": (
            net(
                lambda g, x: g.op(
                    "Reshape",
                    x,
                    g.op(
                        "Where",
                        g.op("Equal", g.op("Shape", x), g.whole(1, 3, 8, 8)),
                        g.whole(1, 3, 8, 8),
                        g.whole(1, 192, 1, 1),
                    ),
                )
            ),
            "compares the number of images",
        ),
        "a token that is too large": (
            net(lambda g, x: g.op("Concat", x, g.op("Expand", g.drawn(1), g.whole(10**4, 10**4, 10**4)), axis=1)),
            "the limit is",
        ),
        "a quotient of tensors": (net(lambda g, x: g.op("Div", x, g.op("Sigmoid", x))), "divides by what is computed"),
        "a root": (operator("Sqrt"), "only within a pattern"),
        "a curve": (net(lambda g, x: g.op("Mul", g.op("Erf", x), x)), "only within a pattern"),
        "a GELU that is none": (
            net(lambda g, x: g.op("Mul", g.op("Mul", x, g.op("Add", g.op("Erf", x), g.array(1.0))), g.array(0.5))),
            "only within a pattern",
        ),
        "a GELU by tanh": (operator("Gelu", 20, approximate="tanh"), "approximated by tanh"),
        "LogSoftmax within": (net(lambda g, x: g.op("LogSoftmax", g.op("Flatten", x))), "only within a pattern"),
        "pads around negative values": (
            net(lambda g, x: g.op("MaxPool", x, kernel_shape=[2, 2], pads=[1, 1, 0, 0])),
            "may be below 0",
        ),
        "a pool in ceil mode": (
            net(lambda g, x: g.op("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)),
            "ceil_mode",
        ),
        "a dilated pool": (net(lambda g, x: g.op("MaxPool", x, kernel_shape=[2, 2], dilations=[2, 2])), "dilations"),
        "pads that are no zeros": (operator("Pad", 9, pads=[0] * 8, value=1.0), "other than zeros"),
        "pads that mirror": (operator("Pad", 9, pads=[0, 0, 1, 1, 0, 0, 1, 1], mode="reflect"), "read are zeros"),
        "every second place": (
            net(lambda g, x: g.op("Slice", x, g.whole(0), g.whole(8), g.whole(2), g.whole(2))),
            "step of 2",
        ),
        "parts that do not fill": (_split_of_sizes([1, 1]), "splits an axis of 3"),
        "a resize by a half": (net(lambda g, x: g.op("Resize", x, "", g.array([1, 1, 1.5, 2]))), "whole factors"),
        "a resize by corners": (
            net(
                lambda g, x: g.op(
                    "Resize",
                    x,
                    "",
                    g.array([1, 1, 2, 2]),
                    mode="linear",
                    coordinate_transformation_mode="align_corners",
                )
            ),
            "none of Keras'",
        ),
        "a cast to float16": (operator("Cast", to=10), "another type than float32"),
        "division by 0": (net(lambda g, x: g.op("Div", x, g.array(0.0))), "divides by 0"),
        "a constant that is no number": (net(lambda g, x: g.op("Add", x, g.array(np.nan))), "not finite"),
        "constants alone": (net(lambda g, _: g.drawn(1, 3, 8, 8)), "the same for every image"),
        # Bombs
        "a constant of a shape": (net(_bomb), "the limit is"),
        "a constant that doubles": (net(_doubling), "the limit is"),
        "an image that grows": (net(_enlarging), "the limit is"),
        "a long chain": (net(_long), "the limit is 8,000"),
        "weights used many times": (net(_shared_weights), "bytes of weights in a file of"),
        "an axis far away": (operator("Flatten", axis=2**62), "an axis that a tensor"),
    }.items()
}

CASES = {name: REFUSED[name] for name in ("a constant of a shape", "an image that grows")}
"""Those that are also read in quarantine; all are in test_onnx."""
