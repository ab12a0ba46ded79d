"""Operators that take pieces of an axis: all of them, or a single place."""

from dataclasses import replace

import numpy as np

from nc_core.intake.onnx.borders import cut
from nc_core.intake.onnx.call import Call
from nc_core.intake.onnx.values import Made, Tensor
from nc_core.intake.onnx.wording import EXPORT


def split(call: Call) -> list[Tensor]:
    """Split: sizes as an attribute before opset 13, as an input since; without them in equal parts."""
    tensor, raw = call.tensor(), call.attributes.whole("axis", 0)
    sizes = call.attributes.wholes("split") if call.opset < 13 else call.wholes(1)
    parts = call.attributes.whole("num_outputs", call.outputs) if call.opset >= 18 else call.outputs
    axis = call.axis(raw, len(tensor.shape))
    whole = tensor.shape[axis]
    if parts != call.outputs:
        raise call.refused(f"has num_outputs {parts} and {call.outputs} outputs", EXPORT)
    if sizes is None:
        each = -(-whole // parts)
        sizes = [each] * (parts - 1) + [whole - each * (parts - 1)]
    if len(sizes) != parts or sum(sizes) != whole or min(sizes) < 1:
        raise call.refused(f"splits an axis of {whole} into {sizes} for {call.outputs} outputs", EXPORT)
    ends = np.cumsum(sizes).tolist()
    return [cut(call, tensor, axis, end - size, end) for size, end in zip(sizes, ends, strict=True)]


def gather(call: Call) -> Tensor:
    """Gather of one place of an axis."""
    tensor, places, raw = call.tensor(), call.constant(1), call.attributes.whole("axis", 0)
    if places is None or places.ndim or places.dtype.kind != "i":
        raise call.refused("takes several places of an axis; read is one")
    axis = call.axis(raw, len(tensor.shape))
    size = tensor.shape[axis]
    place = int(places) + (size if places < 0 else 0)
    one = cut(call, tensor, axis, place, place + 1)
    left = call.net.reshaped(one, (*tensor.shape[:axis], *tensor.shape[axis + 1 :]))
    return replace(left, made=Made(op=call.op, inputs=call.inputs, axes=[axis]))
