"""Layer class -> what writes it: a line for each of `intake.layers.KINDS`."""

from collections.abc import Callable, Mapping

from nc_core.onnx_writer import activations, arithmetic, normalisation, resizing, shaping, windows
from nc_core.onnx_writer.call import Call
from nc_core.onnx_writer.graph import Value

WRITERS: Mapping[str, Callable[[Call], Value]] = {
    "Conv2D": windows.conv,
    "DepthwiseConv2D": windows.depthwise,
    "SeparableConv2D": windows.separable,
    "Conv2DTranspose": windows.transpose,
    "Dense": arithmetic.dense,
    "BatchNormalization": normalisation.batch_norm,
    "LayerNormalization": normalisation.layer_norm,
    "GroupNormalization": normalisation.group_norm,
    "UnitNormalization": normalisation.unit_norm,
    "Activation": activations.activation,
    "ReLU": activations.relu,
    "LeakyReLU": activations.leaky_relu,
    "ELU": activations.elu,
    "PReLU": activations.prelu,
    "Softmax": activations.softmax,
    "MaxPooling2D": windows.pool("MaxPool"),
    "AveragePooling2D": windows.pool("AveragePool"),
    "GlobalAveragePooling2D": windows.global_pool("GlobalAveragePool"),
    "GlobalMaxPooling2D": windows.global_pool("GlobalMaxPool"),
    "Flatten": shaping.flatten,
    "Reshape": shaping.reshape,
    "Permute": shaping.permute,
    "Dropout": shaping.same,
    "SpatialDropout2D": shaping.same,
    "GaussianNoise": shaping.same,
    "GaussianDropout": shaping.same,
    "Add": arithmetic.merge("Add"),
    "Subtract": arithmetic.merge("Sub"),
    "Multiply": arithmetic.merge("Mul"),
    "Average": arithmetic.average,
    "Maximum": arithmetic.merge("Max"),
    "Minimum": arithmetic.merge("Min"),
    "Dot": arithmetic.dot,
    "Concatenate": arithmetic.concatenate,
    "ZeroPadding2D": windows.pad,
    "Cropping2D": windows.crop,
    "UpSampling2D": resizing.upsample,
    "Rescaling": arithmetic.rescaling,
    "Normalization": arithmetic.normalization,
}
