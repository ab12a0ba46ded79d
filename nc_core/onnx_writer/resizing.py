"""UpSampling2D: pixels repeated or interpolated by Keras' rules."""

import numpy as np

from nc_core.onnx_writer.call import Call, Floats
from nc_core.onnx_writer.graph import FIRST, Value

STEPS = 1024
"""In which TensorFlow's bicubic kernel takes the place between two pixels (its resize_bicubic_op.cc, kTableSize)."""


def upsample(call: Call) -> Value:
    """Nearest and bilinear are rules of Resize; others, which are not quite the same there, products with matrices."""
    rule, size, value = call.options["interpolation"], call.options["size"], call.image()
    if rule in ("nearest", "bilinear"):
        scales = call.array("scales", [1, 1, *size])
        if rule == "nearest":
            options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        else:
            options = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return call.made(call.op("Resize", value.name, "", scales, **options), FIRST)
    rows, columns = (_matrix(side, factor, rule) for side, factor in zip(value.shape[:2], size, strict=True))
    name = call.op("MatMul", call.array("rows", rows), value.name)  # (H', H) (n, C, H, W)
    return call.made(call.op("MatMul", name, call.array("columns", columns.T)), FIRST)


def _matrix(size: int, factor: int, rule: str) -> Floats:
    """(size factor, size): each new pixel as a mean of those around it, with weights that sum to 1."""
    away = (np.arange(size * factor)[:, None] + 0.5) / factor - 0.5 - np.arange(size)
    weights = _cubic(away) if rule == "bicubic" else _lanczos(away, int(rule[-1]))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _cubic(away: np.ndarray) -> np.ndarray:
    """Keys' kernel with a = -1/2."""
    x = np.abs(np.rint(away * STEPS) / STEPS)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _lanczos(away: np.ndarray, radius: int) -> np.ndarray:
    return np.where(np.abs(away) < radius, np.sinc(away) * np.sinc(away / radius), 0)
