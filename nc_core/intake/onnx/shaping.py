"""Operators that leave values as they are and put them elsewhere."""

from collections.abc import Sequence
from math import prod

import numpy as np

from nc_core.intake.onnx.call import Call, transposed
from nc_core.intake.onnx.moved import moved, taken_of_split
from nc_core.intake.onnx.values import Constant, Tensor, is_made_by
from nc_core.intake.onnx.wording import EXPORT


def flatten(call: Call) -> Tensor:
    """Flatten into (batch, values)."""
    tensor = call.tensor()
    axis = call.attributes.whole("axis", 1)
    if call.axis(axis, len(tensor.shape)) != 0:
        raise call.refused(f"has axis {axis}, which joins the batch with other axes; read is 1")
    return call.net.reshaped(tensor, (prod(tensor.shape),))


def reshape(call: Call) -> Tensor:
    """Reshape whose first axis stays the batch."""
    tensor, target = call.tensor(), call.value(1)
    zero_kept = call.opset >= 14 and call.attributes.whole("allowzero", 0)
    if isinstance(target, Tensor) or target.array.dtype.kind != "i" or target.array.ndim != 1 or target.array.size < 2:
        raise call.refused("reshapes to what is no constant list of two sizes or more")
    sizes = [int(size) for size in target.array]
    counts = [] if target.batch is None else [bool(count) for count in target.batch]
    if any(counts[1:]) or min(sizes) < -1 or (zero_kept and 0 in sizes):
        raise call.refused(f"reshapes to {sizes}, which joins the batch with other axes", EXPORT)
    shape = _kept(call, tensor, sizes[1:])
    if not _is_batch(call, tensor, sizes, shape, counts=bool(counts and counts[0])):
        raise call.refused(
            f"reshapes (batch, {', '.join(map(str, tensor.shape))}) to {sizes}, in which the batch is not kept as the "
            "first axis"
        )
    rest = prod(size for size in shape if size != -1)
    whole = prod(tensor.shape)
    if (-1 in shape and (not rest or whole % rest)) or (-1 not in shape and whole != rest) or shape.count(-1) > 1:
        raise call.refused(f"reshapes {whole} values of an image to {sizes}")
    return call.net.reshaped(tensor, tuple(whole // rest if size == -1 else size for size in shape))


def _kept(call: Call, tensor: Tensor, sizes: Sequence[int]) -> list[int]:
    """0 stands for the size that the axis has."""
    shape = []
    for axis, size in enumerate(sizes):
        if size == 0 and axis >= len(tensor.shape):
            raise call.refused(f"keeps the size of an axis that its input has not, {list(sizes)}", EXPORT)
        shape.append(tensor.shape[axis] if size == 0 else size)
    return shape


def _is_batch(call: Call, tensor: Tensor, sizes: Sequence[int], shape: Sequence[int], *, counts: bool) -> bool:
    """Whether the first size is the number of images, whatever that is or as the file fixes it."""
    if counts or sizes[0] == 0:
        return True
    if sizes[0] == -1:
        return -1 not in shape and prod(shape) == prod(tensor.shape)
    return sizes[0] == call.batch


def transpose(call: Call) -> Tensor:
    """Transpose, for which nothing is moved: only the order of the axes is kept in mind."""
    tensor = call.tensor()
    rank = len(tensor.shape) + 1
    perm = call.attributes.wholes("perm") or list(range(rank))[::-1]
    if sorted(perm) != list(range(rank)):
        raise call.refused(f"has perm {perm}; read is an order of the axes", EXPORT)
    if perm[0] != 0:
        return moved(call, tensor, perm)
    return transposed(call, tensor, [axis - 1 for axis in perm[1:]])


def squeeze(call: Call) -> Tensor:
    """Squeeze of named axes of size 1: an attribute before opset 13, an input since."""
    tensor = call.tensor()
    axes = call.attributes.wholes("axes") if call.opset < 13 else call.wholes(1)
    if axes is not None and is_made_by(tensor, "Split"):
        return taken_of_split(call, tensor, axes)
    if not axes:
        raise call.refused("names no axes, so that a batch of one image loses its own", f"{EXPORT} with axes")
    gone = call.axes(axes, len(tensor.shape))
    if any(tensor.shape[axis] != 1 for axis in gone):
        raise call.refused(f"takes away axes {axes} of (batch, {', '.join(map(str, tensor.shape))})", EXPORT)
    return call.net.reshaped(tensor, tuple(size for axis, size in enumerate(tensor.shape) if axis not in gone))


def unsqueeze(call: Call) -> Tensor:
    """Unsqueeze, axes likewise."""
    tensor = call.tensor()
    axes = (call.attributes.wholes("axes") if call.opset < 13 else call.wholes(1)) or []
    new = call.axes(axes, len(tensor.shape) + len(axes))
    left = iter(tensor.shape)
    rank = len(tensor.shape) + len(axes)
    return call.net.reshaped(tensor, tuple(1 if axis in new else next(left) for axis in range(rank)))


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
    raise call.refused("computes truth values from the image")


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
    if not fits or not (any(counts) or sizes[0] == 1 or sizes[0] == call.batch):
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
