"""The allow-list: every ONNX operator that is read, since which opset it is one, and what reads it.

An operator stands here because it is, for one image, a fixed arithmetic function that layers of `intake.layers` compute
too: no state, no file, no choice that depends on the image. Its line says which. What the layers may cost is bounded as
for any other file; attributes that nobody reads are refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nc_core.intake.onnx import (
    activations,
    arithmetic,
    borders,
    choosing,
    dense,
    extremes,
    joining,
    normalisation,
    pieces,
    products,
    reductions,
    resizing,
    shaping,
    windows,
)
from nc_core.intake.onnx.call import Call


@dataclass(frozen=True)
class Operator:
    """read: Call -> its result, or several. inputs: at least and at most. since, until: opsets of the standard."""

    read: Callable[[Call], object]
    inputs: tuple[int, int]
    since: int = 9
    until: int = 23
    outputs: int = 1


MANY = 10_000
ONE, TWO = (1, 1), (2, 2)

OPERATORS: Mapping[str, Operator] = {
    # Sums of products within a window: Conv2D or DepthwiseConv2D, zeros around before.
    "Conv": Operator(windows.conv, (2, 3)),
    # Its transpose: Conv2DTranspose, borders away behind.
    "ConvTranspose": Operator(windows.conv_transpose, (2, 3)),
    # The largest value, or the mean, of a window.
    "MaxPool": Operator(windows.max_pool, ONE),
    "AveragePool": Operator(windows.average_pool, ONE),
    # The same of the whole image.
    "GlobalAveragePool": Operator(windows.global_average_pool, ONE),
    "GlobalMaxPool": Operator(windows.global_max_pool, ONE),
    # Means, maxima and sums along axes: global pooling of an image of such rows.
    "ReduceMean": Operator(reductions.reduction("GlobalAveragePooling2D"), (1, 2)),
    "ReduceMax": Operator(reductions.reduction("GlobalMaxPooling2D"), (1, 2)),
    "ReduceSum": Operator(reductions.reduction("GlobalAveragePooling2D"), (1, 2)),
    # Products with a matrix of the file: Dense.
    "Gemm": Operator(dense.gemm, (2, 3)),
    # The same, and of two matrices of the image: Dot, one for each head.
    "MatMul": Operator(dense.matmul, TWO),
    # Two such products with a softmax between.
    "Attention": Operator(products.attention, (3, 3), since=23),
    # A factor and a summand a channel, from four arrays of the file.
    "BatchNormalization": Operator(normalisation.batch_norm, (5, 5), outputs=5),
    # Mean and variance of the image's own values.
    "LayerNormalization": Operator(normalisation.layer_normalization, (2, 3), since=17),
    "InstanceNormalization": Operator(normalisation.instance_norm, (3, 3)),
    "GroupNormalization": Operator(normalisation.group_norm, (3, 3), since=18),
    # Value by value, linear in pieces.
    "Relu": Operator(activations.activation("relu", positive=True), ONE),
    "LeakyRelu": Operator(activations.leaky_relu, ONE),
    "PRelu": Operator(activations.prelu, TWO),
    "Clip": Operator(activations.clip, (1, 3)),
    "HardSigmoid": Operator(activations.hard_sigmoid, ONE),
    "HardSwish": Operator(activations.activation("hard_silu"), ONE, since=14),
    # Value by value, curved.
    "Elu": Operator(activations.elu, ONE),
    "Selu": Operator(activations.selu, ONE),
    "Gelu": Operator(activations.gelu, ONE, since=20),
    "Sigmoid": Operator(activations.activation("sigmoid", positive=True), ONE),
    "Mish": Operator(activations.mish, ONE, since=18),
    "Exp": Operator(activations.activation("exponential", positive=True), ONE),
    "Softplus": Operator(activations.activation("softplus", positive=True), ONE),
    "Tanh": Operator(activations.activation("tanh"), ONE),
    # Exponentials over their sum, and the logarithm of that at the end of a net.
    "Softmax": Operator(activations.softmax, ONE),
    "LogSoftmax": Operator(activations.log_softmax, ONE),
    # Two tensors place by place, or a Rescaling.
    "Add": Operator(arithmetic.add, TWO),
    "Sub": Operator(arithmetic.subtract, TWO),
    "Mul": Operator(arithmetic.multiply, TWO),
    "Div": Operator(arithmetic.divide, TWO),
    "Neg": Operator(arithmetic.negative, ONE),
    # The larger or smaller one, place by place; a bound is a tensor times 0 plus it.
    "Max": Operator(extremes.extreme("Maximum"), (1, MANY)),
    "Min": Operator(extremes.extreme("Minimum"), (1, MANY)),
    # One of two values by a condition of the file: products with 1 and 0.
    "Where": Operator(choosing.where, (3, 3)),
    # Parts of a layer normalisation, a GELU or a division by a length; nothing else is made of them.
    "ReduceL2": Operator(reductions.length, (1, 2)),
    "Pow": Operator(arithmetic.power, TWO),
    "Sqrt": Operator(arithmetic.pending, ONE),
    "Erf": Operator(arithmetic.pending, ONE),
    # The same values by other axes.
    "Flatten": Operator(shaping.flatten, ONE),
    "Reshape": Operator(shaping.reshape, TWO),
    "Transpose": Operator(shaping.transpose, ONE),
    "Squeeze": Operator(shaping.squeeze, (1, 2)),
    "Unsqueeze": Operator(shaping.unsqueeze, (1, 2)),
    "DepthToSpace": Operator(shaping.depth_to_space, ONE),
    # Values side by side, pieces of an axis, zeros beside it.
    "Concat": Operator(joining.concat, (1, MANY)),
    "Split": Operator(pieces.split, (1, 2), outputs=MANY),
    "Slice": Operator(borders.slice_tensor, (1, 5)),
    "Gather": Operator(pieces.gather, TWO),
    "Pad": Operator(borders.pad, (1, 4)),
    # Pixels repeated or interpolated as UpSampling2D does.
    "Resize": Operator(resizing.resize, (1, 4)),
    "Upsample": Operator(resizing.upsample, TWO, until=9),
    # Nothing at inference, and between numbers of one type.
    "Identity": Operator(shaping.identity, ONE),
    "Dropout": Operator(shaping.dropout, (1, 3), outputs=2),
    "Cast": Operator(shaping.cast, ONE),
    "Expand": Operator(shaping.expand, TWO),
    # Constants, and what only they are computed with: see `folding`.
    "Constant": Operator(shaping.identity, (0, 0)),
    "ConstantOfShape": Operator(shaping.identity, ONE),
    "Shape": Operator(shaping.identity, ONE),
    "Equal": Operator(shaping.constants_alone, TWO),
    "Mod": Operator(shaping.constants_alone, TWO),
    "Tile": Operator(shaping.constants_alone, TWO),
    "Range": Operator(shaping.identity, (3, 3)),
}

QUANTISED = ("Quantize", "Dequantize", "QLinear", "DynamicQuantize", "ConvInteger", "MatMulInteger")
"""How the names of operators on 8-bit numbers begin or what they are."""
