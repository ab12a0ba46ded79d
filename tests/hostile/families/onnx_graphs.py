"""ONNX graphs that join images of a batch, compute what no layer does, or grow beyond all bounds."""

import numpy as np

from tests.differential.onnx.graphs import Graph
from tests.hostile.families.case import Case, stored
from tests.hostile.families.onnx_files import net, operator


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
    for _ in range(3000):
        x = g.op("Relu", x)
    return x


def _shared_weights(g: Graph, x: str) -> str:
    """One array, the weights of many layers: more than the file holds."""
    x, kernel = g.op("Flatten", x), g.array(np.zeros((192, 192)))
    for _ in range(900):
        x = g.op("MatMul", x, kernel)
    return x


def _attention(g: Graph, x: str) -> str:
    return str(g.op("MatMul", x, g.op("Transpose", x, perm=[0, 1, 3, 2])))


def _split_of_sizes(sizes: list[int]) -> bytes:
    return net(lambda g, x: g.op("Split", x, g.whole(*sizes), axis=1, outputs=2)[0])


REFUSED: dict[str, Case] = {
    name: Case(stored("model.onnx", content), said)
    for name, (content, said) in {
        # The batch
        "the batch moved": (operator("Transpose", perm=[1, 0, 2, 3]), "batch first"),
        "the batch joined": (net(lambda g, x: g.op("Reshape", x, g.whole(-1, 64))), "batch is not kept"),
        "a batch of one by name": (net(lambda g, x: g.op("Reshape", x, g.whole(1, 192))), "batch is not kept"),
        "a batch that is another": (
            net(lambda g, x: g.op("Reshape", x, g.whole(3, 192)), batch=2),
            "batch is not kept",
        ),
        "the number of images as a size": (
            net(lambda g, x: g.op("Reshape", x, g.op("Concat", g.whole(-1), g.op("Shape", x), axis=0))),
            "joins the batch",
        ),
        "the number of images as a number": (
            net(lambda g, x: g.op("Reshape", x, g.op("Mul", g.op("Shape", x), g.whole(1)))),
            "number of images",
        ),
        "softmax over the batch": (operator("Softmax", axis=0), "axis 0, the batch"),
        "the batch cut": (net(lambda g, x: g.op("Slice", x, g.whole(0), g.whole(1), g.whole(0))), "axis 0, the batch"),
        "a constant for each image": (
            net(lambda g, x: g.op("Add", x, g.drawn(2, 1, 1, 1)), batch=2),
            "combines a tensor",
        ),
        "a squeeze of whatever is 1": (operator("Squeeze"), "names no axes"),
        # What no layer computes
        "attention": (net(_attention), "attention"),
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
        "a long chain": (net(_long), "the limit is 2,000"),
        "weights used many times": (net(_shared_weights), "bytes of weights in a file of"),
        "an axis far away": (operator("Flatten", axis=2**62), "an axis that a tensor"),
    }.items()
}

CASES = {name: REFUSED[name] for name in ("a constant of a shape", "an image that grows")}
"""Those that are also read in quarantine; all are in test_onnx."""
