"""Operators that make an image larger by a whole factor."""

import numpy as np

from nc_core.intake.onnx.call import IMAGE, Call
from nc_core.intake.onnx.values import Tensor, Value
from nc_core.intake.onnx.wording import EXPORT

REPEATED = {
    ("asymmetric", "floor"),
    ("half_pixel", "round_prefer_floor"),
    ("half_pixel", "round_prefer_ceil"),
    ("pytorch_half_pixel", "round_prefer_floor"),
    ("pytorch_half_pixel", "round_prefer_ceil"),
}
"""Rules by which the nearest pixel of a whole factor is the one that is repeated."""
CENTRED = ("half_pixel", "pytorch_half_pixel")
"""Rules by which Keras interpolates."""


def upsample(call: Call) -> Tensor:
    """Upsample of opset 9: pixels repeated."""
    return _enlarged(call, _factors(call, call.constant(1)), call.attributes.word("mode", "nearest"))


def resize(call: Call) -> Tensor:
    """Resize: a factor, or since opset 11 a size; before that by the rules of Upsample."""
    if call.opset < 11:
        return upsample(call)
    mode = call.attributes.word("mode", "nearest")
    rule = (
        call.attributes.word("coordinate_transformation_mode", "half_pixel"),
        call.attributes.word("nearest_mode", "round_prefer_floor"),
    )
    call.attributes.number("cubic_coeff_a", -0.75)
    call.attributes.number("extrapolation_value", 0.0)
    unusual = call.attributes.whole("exclude_outside", 0)
    if call.opset >= 18:
        unusual |= call.attributes.whole("antialias", 0)
        policy = call.attributes.word("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch" or call.attributes.wholes("axes") is not None:
            raise call.refused("resizes single axes, or keeps an aspect ratio", EXPORT)
    if unusual:
        raise call.refused("has exclude_outside or antialias on, which no layer of Keras has")
    call.at(1)  # of cropping, which is no rule that is read
    scales, sizes = call.constant(2), call.at(3)
    if sizes is not None and scales is not None and scales.size:
        raise call.refused("has both factors and sizes", EXPORT)
    factors = _factors(call, scales) if sizes is None else _factors_to(call, sizes)
    return _enlarged(call, factors, mode, repeated=rule in REPEATED, linear=rule[0] in CENTRED)


def _factors(call: Call, scales: object) -> list[float]:
    if not isinstance(scales, np.ndarray) or scales.dtype != np.float32 or scales.ndim != 1:
        raise call.refused("has no list of factors", EXPORT)
    return [float(scale) for scale in scales]


def _factors_to(call: Call, sizes: Value) -> list[float]:
    """Of sizes whose first one is the batch."""
    shape = call.tensor().shape
    if isinstance(sizes, Tensor) or sizes.array.shape != (len(shape) + 1,) or sizes.array.dtype.kind != "i":
        raise call.refused("has no constant list of a size for each axis", EXPORT)
    batch = sizes.batch if sizes.batch is not None else np.zeros(sizes.array.shape, bool)
    if batch[1:].any() or not (call.is_count(sizes.array[0]) if batch[0] else sizes.array[0] == call.batch):
        raise call.refused(f"resizes (batch, {', '.join(map(str, shape))}) to {sizes.array.tolist()}", EXPORT)
    return [1.0, *(int(size) / before for size, before in zip(sizes.array[1:], shape, strict=True))]


def _enlarged(call: Call, factors: list[float], mode: str, *, repeated: bool = True, linear: bool = False) -> Tensor:
    tensor = call.tensor()
    node = call.image(tensor)
    if len(factors) != 4 or factors[:2] != [1, 1] or any(not f.is_integer() or f < 1 for f in factors):
        raise call.refused(f"resizes by {factors}; read are whole factors of height and width")
    if mode == "nearest" and repeated:
        interpolation = "nearest"
    elif mode == "linear" and linear:
        interpolation = "bilinear"
    else:
        raise call.refused(
            "resizes by a rule that is none of Keras'; read are nearest (asymmetric, floor) and linear (half_pixel)",
            "upsample so, torch.nn.Upsample without align_corners",
        )
    size = [int(factor) for factor in factors[2:]]
    if size == [1, 1]:
        return Tensor(node=node, shape=tensor.shape, order=IMAGE, positive=tensor.positive)
    return call.as_image(
        call.layer("UpSampling2D", node, size=size, interpolation=interpolation), positive=tensor.positive
    )
