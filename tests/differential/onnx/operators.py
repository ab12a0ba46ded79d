"""Every operator that is read, in small graphs of which it is a part."""

import numpy as np

from tests.differential.onnx.graphs import Graph
from tests.differential.onnx.parts import (
    OLD,
    Case,
    attention,
    biased,
    chosen,
    clipped,
    conv,
    depth_to_space,
    dropped,
    erf_gelu,
    gated,
    gemm,
    group_norm,
    group_norm_by_instances,
    layer_norm,
    layer_norm_of,
    matmul,
    padded,
    plain,
    pool,
    prelu,
    product,
    ranged,
    reduced,
    reduced_to_one,
    resized,
    resized_to,
    scaled_gelu,
    shuffled,
    sliced,
    softmax,
    split,
    split_evenly,
    squared_gelu,
    squeezed,
    taken_apart,
    token,
    transposed,
    unary,
    unit,
    with_constants,
    with_token,
    worked_out,
)

CASES: dict[str, Case] = {
    "Conv": conv()._replace(opsets=(9, 11, 22)),
    "Conv, asymmetric pads": conv(size=72, pads=[1, 2, 1, 1]),
    "Conv, strides": conv(size=16, strides=[2, 2]),
    "Conv, strides, odd image": conv(size=25, strides=[2, 2], shape=(3, 9, 9)),
    "Conv, no pads": conv(size=36, pads=[0, 0, 0, 0]),
    "Conv, dilation": conv(size=64, pads=[2, 2, 2, 2], dilations=[2, 2]),
    "Conv, even kernel": conv(size=81, kernel=4, pads=[2, 2, 2, 2]),
    "Conv, 1x1 in strides": conv(size=16, kernel=1, strides=[2, 2]),
    "Conv, SAME_UPPER": conv(size=16, auto_pad="SAME_UPPER", strides=[2, 2]),
    "Conv, SAME_LOWER": conv(size=16, auto_pad="SAME_LOWER", strides=[2, 2]),
    "Conv, VALID": conv(size=36, auto_pad="VALID"),
    "Conv, depthwise": conv(filters=3, group=3),
    "Conv, depthwise, twice as many": conv(filters=6, group=3, strides=[2, 2], size=16),
    "Conv, depthwise, unequal strides": conv(filters=3, group=3, strides=[2, 1], size=32),
    "Conv, groups": Case(lambda g, x: (g.conv(g.conv(x, 3, 4), 4, 6, group=2), 384), (9, 22)),
    "ConvTranspose": transposed(3, 10),
    "ConvTranspose, strides, pads": transposed(3, 16, strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]),
    "ConvTranspose, window below strides": transposed(2, 24, strides=[3, 3], output_padding=[1, 1]),
    "MaxPool": pool("MaxPool", [2, 2], 16, strides=[2, 2], opsets=(9, 10, 12, 22)),
    "MaxPool, asymmetric strides": pool("MaxPool", [3, 2], 18, strides=[1, 3]),
    "MaxPool, pads of positive values": pool("MaxPool", [2, 2], 25, positive=True, strides=[2, 2], pads=[1, 1, 1, 1]),
    "MaxPool, pads, odd window": pool("MaxPool", [3, 3], 16, strides=[2, 2], pads=[1, 1, 1, 1]),
    "MaxPool, pads, odd window and image": pool("MaxPool", [3, 3], 25, strides=[2, 2], pads=[1] * 4, shape=(3, 9, 9)),
    "MaxPool, SAME_UPPER": pool("MaxPool", [3, 3], 16, strides=[2, 2], auto_pad="SAME_UPPER"),
    "MaxPool, SAME_LOWER of positive values": pool(
        "MaxPool", [3, 3], 16, positive=True, strides=[2, 2], auto_pad="SAME_LOWER"
    ),
    "MaxPool, ceil": pool("MaxPool", [2, 2], 25, strides=[2, 2], ceil_mode=1, shape=(3, 9, 9)),
    "MaxPool, ceil, of positive values": pool("MaxPool", [3, 3], 16, positive=True, strides=[2, 2], ceil_mode=1),
    "MaxPool, ceil, a window that begins behind": pool(
        "MaxPool", [2, 2], 16, positive=True, strides=[3, 3], ceil_mode=1, pads=[1, 1, 1, 1], shape=(3, 9, 9)
    ),
    "AveragePool": pool("AveragePool", [2, 2], 16, strides=[2, 2], opsets=(9, 19, 22)),
    "AveragePool, pads, counted": pool("AveragePool", [3, 3], 16, strides=[2, 2], pads=[1] * 4, count_include_pad=1),
    "AveragePool, pads, not counted": pool("AveragePool", [3, 3], 16, strides=[2, 2], pads=[1] * 4),
    "AveragePool, SAME_UPPER": pool("AveragePool", [3, 3], 16, strides=[2, 2], auto_pad="SAME_UPPER"),
    "GlobalAveragePool": Case(lambda g, x: (g.op("GlobalAveragePool", x), 3), (9, 22)),
    "GlobalMaxPool": Case(lambda g, x: (g.op("GlobalMaxPool", x), 3), (9, 22)),
    "ReduceMean": reduced("ReduceMean", [2, 3], 3, 18, 0),
    "ReduceMean, kept": reduced("ReduceMean", [-1, -2], 3, 18),
    "ReduceMean of channels": reduced("ReduceMean", [1], 64, 18),
    "ReduceMean of rows": reduced("ReduceMean", [2], 24, 18, 0),
    "ReduceMax": reduced("ReduceMax", [2, 3], 3, 18, 0),
    "ReduceSum": reduced("ReduceSum", [2, 3], 3, 13, 0),
    "ReduceSum of channels and rows": reduced("ReduceSum", [1, 2], 8, 13),
    "Gemm": Case(gemm, (9, 11, 23)),
    "MatMul": Case(matmul, OLD),
    "MatMul, bias": Case(
        lambda g, x: (g.op("Add", g.op("MatMul", g.op("Flatten", x), g.drawn(192, 5)), g.drawn(5)), 5), OLD
    ),
    "bias apart": Case(biased, OLD),
    "BatchNormalization": Case(lambda g, x: (g.norm(x, 3), 192), (9, 14, 15, 23)),
    "BatchNormalization of features": Case(lambda g, x: (g.norm(g.gemm(g.op("Flatten", x), 192, 6), 6), 6), (9, 23)),
    "LayerNormalization": layer_norm_of(-1, [8]),
    "LayerNormalization of rows and columns": layer_norm_of(2, [8, 8], bias=False),
    "LayerNormalization of all": layer_norm_of(1, [3, 8, 8]),
    "LayerNormalization in parts": Case(layer_norm, (9, 13, 18)),
    "InstanceNormalization": Case(
        lambda g, x: (g.op("InstanceNormalization", x, g.drawn(3), g.drawn(3), epsilon=1e-3), 192), (9, 22)
    ),
    "GroupNormalization": Case(group_norm, (18, 21)),
    "GroupNormalization by instances": Case(group_norm_by_instances, OLD),
    "Relu": unary("Relu", (9, 13, 14)),
    "LeakyRelu": unary("LeakyRelu", (9, 16), alpha=0.3),
    "LeakyRelu by default": unary("LeakyRelu", (9, 16)),
    "PRelu, one": prelu(1),
    "PRelu, channels": prelu(3, 1, 1),
    "PRelu, columns": prelu(8),
    "Elu": unary("Elu", (9, 22), alpha=0.7),
    "Selu": unary("Selu", (9, 22)),
    "Gelu": unary("Gelu", (20,)),
    **{f"Gelu by Erf, {order}": Case(erf_gelu(order), (9, 13)) for order in range(4)},
    **{
        f"Gelu by Erf, {order}, then a scale {shape}": Case(scaled_gelu(order, shape), (13,))
        for order in (0, 1)
        for shape in ((3, 1, 1), (1,), (8,))
    },
    "Gelu by Erf, then a square": Case(squared_gelu, (13,)),
    "Sigmoid": unary("Sigmoid"),
    "HardSigmoid": unary("HardSigmoid", (9, 22)),
    "HardSigmoid of PyTorch": unary("HardSigmoid", (9, 22), alpha=1 / 6),
    "HardSwish": unary("HardSwish", (14, 22)),
    "Mish": unary("Mish", (18, 22)),
    "Softplus": unary("Softplus", (9, 22)),
    "Tanh": unary("Tanh"),
    "Neg": unary("Neg"),
    "Identity": unary("Identity"),
    "Cast": unary("Cast", to=1),
    "Dropout": Case(dropped, (9, 12, 23)),
    "Clip": clipped(-0.5, 0.7),
    "Clip as ReLU6": clipped(0.0, 6.0),
    "Clip below": clipped(0.2, None),
    "Clip above": clipped(None, 0.3),
    "Clip of nothing": clipped(None, None),
    "Softmax by default": softmax(None, (9, 12, 13)),
    "Softmax of channels": softmax(1, (9, 12, 13)),
    "Softmax of columns": softmax(-1, (11, 13)),
    "Softmax of rows": softmax(2, (11, 13)),
    "Add, of tensors": Case(lambda g, x: (g.op("Add", x, g.op("Transpose", x, perm=[0, 1, 3, 2])), 192), OLD),
    "constants": Case(with_constants, (13,)),
    "scale of columns": Case(lambda g, x: (g.op("Mul", x, g.drawn(8)), 192), OLD),
    "scale of rows": Case(lambda g, x: (g.op("Mul", g.drawn(1, 1, 8, 1), x), 192), OLD),
    "squeeze and excite": Case(gated, OLD),
    "Pow": Case(lambda g, x: (g.op("Pow", x, g.array(2.0)), 192), (9, 12, 15)),
    "Flatten of channels first": Case(lambda g, x: (g.op("Flatten", x, axis=1), 192), OLD),
    "Reshape, kept sizes": Case(lambda g, x: (g.op("Relu", g.op("Reshape", x, g.whole(0, 0, -1))), 192), (9, 14)),
    "Reshape, worked out": Case(worked_out, (9, 11, 13, 23)),
    "Reshape, a range": Case(ranged, (11, 23)),
    "channel shuffle": Case(shuffled, (9, 14)),
    "Transpose": Case(lambda g, x: (g.conv(g.op("Transpose", x, perm=[0, 1, 3, 2]), 3, 2), 128), OLD),
    "Transpose of channels": Case(
        lambda g, x: (g.conv(g.op("Transpose", g.conv(x, 3, 3), perm=[0, 2, 1, 3]), 8, 2), 48), OLD
    ),
    "Squeeze and Unsqueeze": Case(squeezed, (9, 13, 23)),
    "Concat": Case(lambda g, x: (g.conv(g.op("Concat", x, g.op("Relu", x), x, axis=1), 9, 2), 128), OLD),
    "Concat of rows": Case(lambda g, x: (g.op("Concat", x, g.op("Relu", x), axis=-2), 384), (11, 13)),
    "Split": Case(split, (9, 13, 18)),
    "Split, evenly": Case(split_evenly, (9, 13, 18)),
    "Slice": Case(sliced, (9, 10, 13)),
    "Gather": Case(token, (9, 11, 13)),
    "Pad": Case(padded, (9, 11, 13, 18, 23)),
    "Resize, nearest": Case(
        resized(3, "nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"), (9, 10, 11, 18)
    ),
    **{
        f"Resize, nearest by {factor}, {mode}, {rounding}": Case(
            resized(factor, "nearest", coordinate_transformation_mode=mode, nearest_mode=rounding), (19,)
        )
        for factor in (2, 5)
        for mode in ("half_pixel", "pytorch_half_pixel")
        for rounding in ("round_prefer_floor", "round_prefer_ceil")
    },
    "Resize, linear": Case(resized(2, "linear", coordinate_transformation_mode="half_pixel"), (11, 13, 18)),
    "Resize, linear of PyTorch": Case(
        resized(3, "linear", coordinate_transformation_mode="pytorch_half_pixel"), (11, 19)
    ),
    "Resize to a size": Case(resized_to, (11, 13, 18)),
    "Max of tensors": plain(lambda g, x: g.op("Max", x, g.op("Neg", x), g.op("Tanh", x)), opsets=(9, 13, 23)),
    "Max of one": plain(lambda g, x: g.op("Max", x)),
    "Max with a number": plain(lambda g, x: g.op("Max", g.array(-0.3), x), opsets=(9, 13)),
    "Max with numbers of channels": plain(lambda g, x: g.op("Max", x, g.drawn(3, 1, 1))),
    "Max with numbers of pixels": plain(lambda g, x: g.op("Max", x, g.drawn(1, 8, 8))),
    "Min with a number": plain(lambda g, x: g.op("Min", x, g.array(0.25), g.op("Neg", x)), opsets=(9, 13)),
    "Min with numbers of columns": plain(lambda g, x: g.op("Min", g.drawn(8), x)),
    "Max of constants": plain(lambda g, x: g.op("Add", x, g.op("Max", g.drawn(3, 1, 1), g.drawn(1), g.array(0.1)))),
    "Exp": unary("Exp", (9, 13)),
    "Exp of constants": plain(lambda g, x: g.op("Mul", x, g.op("Exp", g.drawn(3, 1, 1)))),
    "Clip far away": clipped(-1e30, 1e30),
    **{
        f"ReduceL2, {floor}{', expanded' if expanded else ''}": unit(floor, expanded)
        for floor in ("Clip", "Max")
        for expanded in (False, True)
    },
    **{
        f"Where, {one} or {two}": chosen(one, two)
        for one, two in (
            ("image", "mirrored"),
            ("image", "number"),
            ("number", "image"),
            ("numbers", "mirrored"),
        )
    },
    "Where, all rows alike": chosen("image", "number", shape=(8,)),
    "Add of positions": plain(lambda g, x: g.op("Add", x, g.drawn(1, 3, 8, 8))),
    "Add of positions of rows": plain(lambda g, x: g.op("Add", g.drawn(3, 8, 1), x)),
    "Sub of positions": plain(lambda g, x: g.op("Sub", g.op("Sub", g.drawn(8, 8), x), g.drawn(1, 3, 8, 8))),
    "Mul of positions": plain(lambda g, x: g.op("Mul", g.op("Transpose", x, perm=[0, 2, 3, 1]), g.drawn(8, 1, 3))),
    "MatMul of matrices": product((12, 16), (16, 12), 144),
    "MatMul of heads": product((4, 6, 8), (4, 8, 6), 144),
    "MatMul of heads of heads": product((2, 2, 6, 8), (2, 2, 8, 6), 144),
    "a mean of all values": reduced_to_one(),
    "attention of opset 23": plain(attention, 96, (23,)),
    "attention, Gather": taken_apart("Gather"),
    "attention, Split": taken_apart("Split"),
    "a class token": plain(with_token, 198, (13, 17, 23)),
    "weights in float16": plain(
        lambda g, x: g.op(
            "Conv",
            x,
            g.op("Cast", g.op("Identity", g.array(np.linspace(-1, 1, 81).reshape(3, 3, 3, 3), np.float16)), to=1),
            pads=[1, 1, 1, 1],
        )
    ),
    "DepthToSpace": depth_to_space("DCR"),
    "DepthToSpace, pixel shuffle": depth_to_space("CRD"),
}


def file_of(case: Case, opset: int) -> bytes:
    """The operator's net: its result, flattened, made classes of."""
    graph = Graph(opset, case.shape)
    result, values = case.make(graph, graph.image)
    return graph.file(graph.answer(result, values))
