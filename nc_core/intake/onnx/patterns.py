"""Operators that together are one layer of Keras, and cannot be read one by one: known by how they hang together."""

from collections.abc import Sequence
from math import isclose, sqrt
from typing import Any

from nc_core.intake.onnx.values import Constant, Tensor, Value, is_made_by

CLOSE = 1e-5
"""Relative; exporters write constants in float32."""
DEPTH = 4
"""Of products within products."""


def gelu_of(one: Value | None, two: Value | None) -> Tensor | None:
    """x where a product is 0.5 x (1 + erf(x / sqrt(2))), in whatever order; None for any other product."""
    others, number = _factors([one, two])
    if len(others) != 2 or not isclose(number, 0.5, rel_tol=CLOSE):
        return None
    for source, other in (others, others[::-1]):
        if _is_one_plus_erf_of(other, source):
            return source
    return None


def _factors(values: Sequence[Any], depth: int = 0) -> tuple[list[Any], float]:
    """What a product is made of, and the number besides: numbers are multiplied out."""
    others: list[Any] = []
    number = 1.0
    for value in values:
        if (scalar := _number(value)) is not None:
            number *= scalar
        elif is_made_by(value, "Mul") and depth < DEPTH and _has_number_or_open(value):
            inner, factor = _factors(value.made.inputs, depth + 1)
            others += inner
            number *= factor
        else:
            others.append(value)
    return others, number


def _has_number_or_open(value: Any) -> bool:
    return value.node is None or any(_number(each) is not None for each in value.made.inputs)


def _is_one_plus_erf_of(value: Any, source: Any) -> bool:
    erf = _other_than(value, "Add", 1.0)
    if not is_made_by(erf, "Erf"):
        return False
    scaled = erf.made.inputs[0]
    return _other_than(scaled, "Div", sqrt(2)) is source or _other_than(scaled, "Mul", sqrt(0.5)) is source


def _other_than(value: Any, op: str, number: float) -> Any:
    """The tensor that such an operator combines with this number; None for anything else."""
    if not is_made_by(value, op):
        return None
    left, right = value.made.inputs
    for tensor, constant in ((left, right), (right, left)) if op != "Div" else ((left, right),):
        found = _number(constant)
        if isinstance(tensor, Tensor) and found is not None and isclose(found, number, rel_tol=CLOSE):
            return tensor
    return None


def normalised_by(centred: Any, deviation: Any) -> tuple[Tensor, list[int], float] | None:
    """(x, axes, epsilon) where a quotient is (x - mean) / sqrt(mean of (x - mean)^2 + epsilon) along these axes."""
    if not is_made_by(centred, "Sub") or not is_made_by(deviation, "Sqrt"):
        return None
    source, mean = centred.made.inputs
    axes = _mean_of(mean, source)
    total = deviation.made.inputs[0]
    if axes is None or not is_made_by(total, "Add"):
        return None
    variance, epsilon = sorted(total.made.inputs, key=lambda each: isinstance(each, Constant))
    number = _number(epsilon)
    square = variance.made.inputs[0] if is_made_by(variance, "ReduceMean") else None
    if number is None or number <= 0 or not _is_square_of(square, centred) or _mean_of(variance, square) != axes:
        return None
    return source, axes, number


NORM_FLOOR = 1e-12
"""What both Keras' UnitNormalization and torch.nn.functional.normalize divide by at least."""


def unit_of(source: Any, norm: Any) -> tuple[Tensor, list[int]] | None:
    """(x, axes) where a quotient is x by its Euclidean length along these axes, at least NORM_FLOOR."""
    if is_made_by(norm, "Expand"):
        norm = norm.made.inputs[0] if norm.shape == source.shape else None
    if not (is_made_by(norm, "Clip") or is_made_by(norm, "Max")) or len(norm.made.inputs) < 2:
        return None
    length, *bounds = norm.made.inputs
    floor = _number(bounds[0])
    if not is_made_by(length, "ReduceL2") or length.made.inputs[0] is not source or any(bounds[1:]) or floor is None:
        return None
    if not isclose(floor, NORM_FLOOR, rel_tol=CLOSE) or len(length.shape) != len(source.shape):
        return None
    return source, list(length.made.axes)


def _mean_of(value: Any, source: Any) -> list[int] | None:
    """The axes along which a value is the mean of another one, with axes kept; None where it is not."""
    if not is_made_by(value, "ReduceMean") or value.made.inputs[0] is not source:
        return None
    if len(value.shape) != len(source.shape):
        return None
    return list(value.made.axes)


def _is_square_of(value: Any, root: Value) -> bool:
    if is_made_by(value, "Pow"):
        return value.made.inputs[0] is root and _number(value.made.inputs[1]) == 2
    return is_made_by(value, "Mul") and all(each is root for each in value.made.inputs)


def _number(value: Any) -> float | None:
    if isinstance(value, Constant) and value.array.shape in ((), (1,)) and value.batch is None:
        return float(value.array.reshape(-1)[0])
    return None
