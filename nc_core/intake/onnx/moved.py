"""Tensors whose first axis is not the batch, for a while: how attention takes queries, keys and values apart.

`qkv.reshape(B, N, 3, heads, d).permute(2, 0, 3, 1, 4)` puts the three first. Nothing is made of such a tensor but one
place of that axis, after which the batch is the first again.
"""

from collections.abc import Sequence

from nc_core.intake.onnx.borders import cut
from nc_core.intake.onnx.call import Call, transposed
from nc_core.intake.onnx.values import Made, Tensor, is_made_by
from nc_core.intake.onnx.wording import EXPORT


def moved(call: Call, tensor: Tensor, perm: Sequence[int]) -> Tensor:
    """A Transpose that puts another axis before the batch: no layer makes it."""
    call.net.node(tensor)
    shape = tuple(tensor.shape[axis - 1] for axis in perm if axis != 0)
    made = Made(op="Transpose", inputs=call.inputs, axes=list(perm))
    return Tensor(node=None, shape=shape, order=tuple(range(len(shape))), made=made)


def is_moved(tensor: Tensor) -> bool:
    """Whether a tensor is one of these."""
    return tensor.node is None and is_made_by(tensor, "Transpose")


def taken(call: Call, tensor: Tensor, axis: int, place: int) -> Tensor:
    """One place of the first axis of such a tensor."""
    source, perm = _origin(tensor)
    rest = [old - (old > perm[0]) for old in perm[1:]]
    if axis not in (0, -len(perm)) or rest[0] != 0:
        raise call.refused(
            f"takes a place of axis {axis} of a tensor whose axes are {list(perm)} of one with the batch first; read "
            "is the first axis, with the batch behind it"
        )
    gone = perm[0] - 1
    size = source.shape[gone]
    at = place + size if place < 0 else place
    one = cut(call, source, gone, at, at + 1)
    whole = call.net.reshaped(one, (*source.shape[:gone], *source.shape[gone + 1 :]))
    return transposed(call, whole, [old - 1 for old in rest[1:]])


def split_apart(call: Call, tensor: Tensor, axis: int, sizes: Sequence[int] | None) -> list[Tensor]:
    """A Split of the first axis into its places, each of which a Squeeze is to take."""
    size = _origin(tensor)[0].shape[_origin(tensor)[1][0] - 1]
    if axis not in (0, -len(_origin(tensor)[1])) or call.outputs != size or (sizes or [1] * size) != [1] * size:
        raise call.refused("splits other than the first axis into its places while the batch is not the first")
    return [
        Tensor(node=None, shape=tensor.shape, order=tensor.order, made=Made(op="Split", inputs=[tensor], axes=[place]))
        for place in range(size)
    ]


def taken_of_split(call: Call, part: Tensor, axes: Sequence[int]) -> Tensor:
    """A Squeeze of such a part."""
    made = part.made
    tensor = made.inputs[0] if made is not None else None
    if not isinstance(tensor, Tensor) or made is None or len(axes) != 1:
        raise call.refused(f"takes away axes {list(axes)} while the batch is not the first", EXPORT)
    return taken(call, tensor, axes[0], made.axes[0])


def _origin(tensor: Tensor) -> tuple[Tensor, Sequence[int]]:
    """What was transposed, and the order of its axes."""
    made = tensor.made
    source = None if made is None else made.inputs[0]
    if made is None or not isinstance(source, Tensor):
        raise ValueError(tensor)
    return source, made.axes
