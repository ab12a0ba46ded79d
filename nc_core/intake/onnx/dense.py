"""Products with a matrix."""

import numpy as np

from nc_core.intake.onnx.arithmetic import last, rescaled
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.products import product
from nc_core.intake.onnx.values import Constant, Tensor


def matmul(call: Call) -> Tensor:
    """MatMul of a tensor with a matrix of weights, along the tensor's last axis, or with matrices of the image."""
    left, right = call.value(0), call.value(1)
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return product(call, left, right)
    if isinstance(left, Constant):
        raise call.refused("multiplies by a constant matrix on the left")
    tensor, matrix = call.tensor(), call.weights(1)
    if matrix.ndim != 2:
        raise call.refused(f"multiplies by an array of {matrix.ndim} axes; read are matrices, of two")
    tensor = last(call, tensor, call.axis(-1, len(tensor.shape)))
    node = call.layer("Dense", call.net.node(tensor), [matrix], units=matrix.shape[1], use_bias=False)
    shape = (*tensor.shape[:-1], matrix.shape[1])
    return Tensor(node=node, shape=shape, order=tensor.order, made=call.made())


def gemm(call: Call) -> Tensor:
    """Gemm: alpha A B + beta C, of a tensor A of rows, and B and C of weights."""
    tensor, matrix = call.tensor(), call.weights(1)
    alpha, beta = call.attributes.number("alpha", 1.0), call.attributes.number("beta", 1.0)
    turned = call.attributes.flag("transB", default=False)
    if call.attributes.flag("transA", default=False) or len(call.sizes(tensor)) != 2 or matrix.ndim != 2:
        raise call.refused("takes its first input transposed, or not (batch, values)")
    tensor = last(call, tensor, call.axis(-1, len(tensor.shape)))
    kernel = matrix.T if turned else matrix
    units = kernel.shape[1]
    bias = None if call.at(2) is None else call.weights(2)
    if bias is not None:
        if bias.size not in (1, units) or bias.ndim > 2 or (bias.ndim and bias.shape[-1] != bias.size):
            raise call.refused(f"adds an array {bias.shape} to {units} values")
        bias = np.broadcast_to(bias.reshape(-1), (units,))
    plain = alpha == 1 and (beta == 1 or bias is None)
    arrays = [kernel, bias] if plain and bias is not None else [kernel]
    node = call.layer("Dense", call.net.node(tensor), arrays, units=units, use_bias=len(arrays) > 1)
    made = Tensor(node=node, shape=(*tensor.shape[:-1], units), order=tensor.order, made=call.made())
    if plain:
        return made
    scaled = 0.0 if bias is None else bias.astype(np.float64) * beta
    return rescaled(call, made, scale=alpha, offset=scaled, axis=made.order[-1])
