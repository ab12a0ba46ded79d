"""Products of two matrices that are both computed from the image, as attention has them."""

from math import prod, sqrt

from nc_core.intake.onnx.arithmetic import rescaled
from nc_core.intake.onnx.borders import cut
from nc_core.intake.onnx.call import Call, transposed
from nc_core.intake.onnx.values import Tensor


def product(call: Call, left: Tensor, right: Tensor) -> Tensor:
    """MatMul of (..., n, d) and (..., d, m): a Dot for each of the matrices, side by side.

    Keras' Dot knows no heads; each head is cut out of both.
    """
    heads, lead = _heads(call, left, right), left.shape[:-2]
    if call.place.axis >= len(call.sizes(left)) - 2:
        raise call.refused("multiplies matrices of which the batch is an axis, and images are answered one by one")
    rows, columns = left.shape[-2], right.shape[-1]
    lefts = call.net.reshaped(left, (heads, *left.shape[-2:]))
    rights = call.net.reshaped(right, (heads, *right.shape[-2:]))
    nodes = [_one(call, _head(call, lefts, at), _head(call, rights, at)) for at in range(heads)]
    if heads == 1:
        whole = Tensor(node=nodes[0], shape=(rows, columns), order=(0, 1))
    else:
        node = call.net.call("Concatenate", nodes, {"axis": -1})  # (rows, heads * columns)
        node = call.layer("Reshape", node, target_shape=[rows, heads, columns])
        whole = Tensor(node=node, shape=(heads, rows, columns), order=(1, 0, 2))
    shaped = call.net.reshaped(whole, (*lead, rows, columns))
    return Tensor(node=shaped.node, shape=shaped.shape, order=shaped.order, made=call.made())


def attention(call: Call) -> Tensor:
    """Attention of opset 23: softmax(scale q k^T) v of (heads, n, d) each, without a mask."""
    q, k, v = (call.tensor(place) for place in range(3))
    if any(len(each.shape) != 3 for each in (q, k, v)):
        raise call.refused("takes tensors of other than (batch, heads, n, d)")
    for name in ("is_causal", "qk_matmul_output_mode"):
        if call.attributes.whole(name, 0):
            raise call.refused(f"has {name}; read is attention of all places to all")
    if call.attributes.number("softcap", 0.0):
        raise call.refused("has a softcap; read is attention without one")
    scale = call.attributes.number("scale", 1 / sqrt(q.shape[-1]))
    scores = rescaled(call, product(call, q, transposed(call, k, [0, 2, 1])), scale=scale)
    axis = scores.order.index(2)
    weights = call.same(scores, call.layer("Softmax", call.net.node(scores), axis=[-1 if axis == 2 else axis + 1]))
    return product(call, weights, v)


def _heads(call: Call, left: Tensor, right: Tensor) -> int:
    one, two = left.shape, right.shape
    if min(len(one), len(two)) < 2 or one[:-2] != two[:-2] or one[-1] != two[-2]:
        raise call.refused(
            f"multiplies (batch, {', '.join(map(str, one))}) by (batch, {', '.join(map(str, two))}); read are matrices "
            "that fit, as many on the left as on the right"
        )
    return prod(one[:-2])


def _head(call: Call, tensors: Tensor, at: int) -> Tensor:
    return call.net.reshaped(cut(call, tensors, 0, at, at + 1), tensors.shape[1:])


def _one(call: Call, left: Tensor, right: Tensor) -> int:
    """Whichever way both lie: the last axis of the left one meets the first of the right one."""
    axes = [left.order.index(1) + 1, right.order.index(0) + 1]
    return call.net.call("Dot", [call.net.node(left), call.net.node(right)], {"axes": axes})
