"""Products of two matrices that are both computed from the image, as attention has them."""

from math import prod

from nc_core.intake.onnx.borders import cut
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.values import Tensor


def product(call: Call, left: Tensor, right: Tensor) -> Tensor:
    """MatMul of (..., n, d) and (..., d, m): a Dot for each of the matrices, side by side.

    Keras' Dot knows no heads; each head is cut out of both.
    """
    heads, lead = _heads(call, left, right), left.shape[:-2]
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
