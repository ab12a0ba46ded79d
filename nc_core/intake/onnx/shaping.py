"""Operators that leave values as they are and put them elsewhere."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from nc_core.intake.onnx.call import Call, transposed
from nc_core.intake.onnx.layout import ANY, located
from nc_core.intake.onnx.values import Constant, Moved, Tensor, placed
from nc_core.intake.onnx.wording import EXPORT
from nc_core.intake.options import AXES


def flatten(call: Call) -> Tensor:
    """Flatten into (batch, values)."""
    tensor = call.tensor()
    axis = call.attributes.whole("axis", 1)
    if call.axis(axis, len(tensor.shape)) != 0:
        raise call.refused(f"has axis {axis}, which joins the batch with other axes; read is 1")
    return call.net.reshaped(tensor, (prod(tensor.shape),))


def reshape(call: Call) -> Tensor | Moved:
    """Reshape that leaves the images whole; their number stays an axis, or is joined with one beside it."""
    tensor, target = call.tensor(), call.value(1)
    if isinstance(target, Tensor) or target.array.dtype.kind != "i" or target.array.ndim != 1 or target.array.size < 2:
        raise call.refused("reshapes to what is no constant list of two sizes or more")
    if target.array.size > AXES:
        raise call.refused(f"reshapes to {target.array.size} axes; read are up to {AXES}", EXPORT)
    sizes = _sizes(call, tensor, target)
    found = located(tensor.shape, call.place, call.batch or ANY, sizes, np.flatnonzero(target.marks).tolist())
    if found is None:
        told = _told(call.sizes(tensor))
        raise call.refused(f"reshapes {told} to {target.array.tolist()}, in which the batch is not kept")
    shape, place = found
    return placed(call.net.reshaped(tensor, shape), place)


def _sizes(call: Call, tensor: Tensor, target: Constant) -> list[int]:
    """The sizes to reshape to, with those that are left to the operator worked out."""
    before, given = call.sizes(tensor), [int(size) for size in target.array]
    zero_kept = call.opset >= 14 and call.attributes.flag("allowzero", default=False)
    zeros = [axis for axis, size in enumerate(given) if size == 0]
    if min(given) < -1 or given.count(-1) > 1 or (zeros and (zero_kept or zeros[-1] >= len(before))):
        raise call.refused(f"reshapes to {given}, which are no sizes", EXPORT)
    sizes = [ANY * size if count and not call.batch else size for size, count in zip(given, target.marks, strict=True)]
    sizes = [before[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    rest, whole = prod(size for size in sizes if size != -1), prod(before)
    if whole % rest or (-1 not in sizes and whole != rest):
        raise call.refused(
            f"reshapes {_told(before)} to {given}, in which the batch is not kept or other values are lost"
        )
    return [whole // rest if size == -1 else size for size in sizes]


def _told(sizes: Sequence[int]) -> str:
    """Sizes for people."""
    words = {ANY: "batch", **{size: f"{size // ANY} x batch" for size in sizes if size % ANY == 0 and size > ANY}}
    return f"({', '.join(words.get(size, str(size)) for size in sizes)})"


def transpose(call: Call) -> Tensor | Moved:
    """Transpose, for which nothing is moved: only the order of the axes is kept in mind."""
    tensor = call.tensor()
    blocks = call.place.blocks(len(tensor.shape))
    perm = call.attributes.wholes("perm") or list(range(len(blocks)))[::-1]
    if sorted(perm) != list(range(len(blocks))):
        raise call.refused(f"has perm {perm}; read is an order of the axes", EXPORT)
    turned = transposed(call, tensor, [axis for old in perm for axis in blocks[old]])
    return placed(turned, replace(call.place, axis=perm.index(call.place.axis)))


def squeeze(call: Call) -> Tensor | Moved:
    """Squeeze of named axes of size 1: an attribute before opset 13, an input since."""
    tensor = call.tensor()
    axes = call.attributes.wholes("axes") if call.opset < 13 else call.wholes(1)
    if not axes:
        raise call.refused("names no axes, so that a batch of one image loses its own", f"{EXPORT} with axes")
    gone = call.axes(axes, len(tensor.shape))
    if any(tensor.shape[axis] != 1 for axis in gone):
        raise call.refused(f"takes away axes {axes} of (batch, {', '.join(map(str, tensor.shape))})", EXPORT)
    left = call.net.reshaped(tensor, tuple(size for axis, size in enumerate(tensor.shape) if axis not in gone))
    return placed(left, replace(call.place, axis=call.place.axis - sum(axis < call.place.axis for axis in gone)))


def unsqueeze(call: Call) -> Tensor | Moved:
    """Unsqueeze, axes likewise."""
    tensor = call.tensor()
    axes = (call.attributes.wholes("axes") if call.opset < 13 else call.wholes(1)) or []
    blocks = call.place.blocks(len(tensor.shape))
    rank = len(blocks) + len(axes)
    new = {axis + rank if axis < 0 else axis for axis in axes}
    if len(new) != len(axes) or not new <= set(range(rank)):
        raise call.refused(f"puts axes at {axes} of {rank}", EXPORT)
    kept = [axis for axis in range(rank) if axis not in new]
    sizes = {axis: [tensor.shape[old] for old in block] for axis, block in zip(kept, blocks, strict=True)}
    shape = tuple(size for axis in range(rank) for size in sizes.get(axis, [1]))
    return placed(call.net.reshaped(tensor, shape), replace(call.place, axis=kept[call.place.axis]))


def depth_to_space(call: Call) -> Tensor:
    """DepthToSpace: blocks of channels become blocks of pixels."""
    tensor, size = call.tensor(), call.attributes.whole("blocksize", 0)
    mode = call.attributes.word("mode", "DCR")
    if len(tensor.shape) != 3 or size < 1 or tensor.shape[0] % size**2 or mode not in ("DCR", "CRD"):
        raise call.refused(f"has a blocksize {size} or a mode that does not fit {tensor.shape}", EXPORT)
    channels, height, width = tensor.shape[0] // size**2, *tensor.shape[1:]
    if mode == "DCR":
        apart, perm = (size, size, channels, height, width), [2, 3, 0, 4, 1]
    else:
        apart, perm = (channels, size, size, height, width), [0, 3, 1, 4, 2]
    moved = transposed(call, call.net.reshaped(tensor, apart), perm)
    return call.net.reshaped(moved, (channels, height * size, width * size))


def identity(call: Call) -> Tensor | Constant:
    """Identity, and Dropout at inference."""
    return call.value(0)


def constants_alone(call: Call) -> Tensor:
    """What is read of constants alone, see `folding`."""
    raise call.refused("takes what is computed from the image; read here of constants alone")


def dropout(call: Call) -> Tensor | Constant:
    """Dropout: nothing at inference, whatever its rate."""
    if call.opset >= 12 and (training := call.constant(2)) is not None and training.any():
        raise call.refused("is in training mode", EXPORT)
    if call.opset < 12:
        call.attributes.number("ratio", 0.5)
    else:
        call.at(1)  # its rate
    call.attributes.whole("seed", 0)
    return call.value(0)


def expand(call: Call) -> Tensor:
    """Expand of a tensor to the shape that it has, or of a length to that of what it divides."""
    tensor, target = call.tensor(), call.value(1)
    if isinstance(target, Tensor) or target.array.dtype.kind != "i" or target.array.ndim != 1:
        raise call.refused("expands to what is no constant list of sizes")
    sizes, counts = [int(size) for size in target.array], [] if target.batch is None else list(target.batch)
    fits = len(sizes) == len(tensor.shape) + 1 and not any(counts[1:])
    fits = fits and all(
        size == whole or 1 in (size, whole) for size, whole in zip(sizes[1:], tensor.shape, strict=True)
    )
    if not fits or not (call.is_count(sizes[0]) if any(counts) else sizes[0] in (1, call.batch)):
        raise call.refused(f"expands (batch, {', '.join(map(str, tensor.shape))}) to {sizes}")
    if tensor.node is None:
        return call.unfinished(np.broadcast_shapes(tuple(sizes[1:]), tensor.shape))
    if any(size not in (1, whole) for size, whole in zip(sizes[1:], tensor.shape, strict=True)):
        raise call.refused(f"expands (batch, {', '.join(map(str, tensor.shape))}) to {sizes}, more values than it has")
    return tensor


def cast(call: Call) -> Tensor:
    """Cast of a tensor, to float32, which it is."""
    if call.attributes.whole("to", 0) != 1:
        raise call.refused("casts to another type than float32, and nets of float32 are read", EXPORT)
    call.attributes.whole("saturate", 1)  # of 8-bit floats
    return call.tensor()
