"""What every layer class makes of its inputs: the output shape and the shapes of its weights.

Shapes are those of one image, without the batch axis. Every function takes the plain options and the input
shapes and raises ValueError, in words for people, where the two do not fit. The rules are those of Keras'
documentation.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from nc_core.intake import windows
from nc_core.intake.windows import Options, Shape, WeightShapes, bias, image

Rule = Callable[[Options, Sequence[Shape]], tuple[Shape, WeightShapes]]


def size(shape: Shape) -> int:
    """The number of values."""
    return prod(shape)


def infer(kind: str, options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    """Output shape and weight shapes (by name) of one call of a layer; ValueError where the inputs do not
    fit.
    """
    if kind in SEVERAL:
        if len(inputs) < 2:
            raise ValueError("it merges inputs and has only one")
    elif len(inputs) != 1:
        raise ValueError(f"it takes one input and has {len(inputs)}")
    output, weights = RULES[kind](options, inputs)
    if min(output, default=1) < 1:
        raise ValueError(f"its output would have the shape {output}")
    return output, weights


def _place(axis: int, rank: int) -> int:
    """Where an axis of Keras (0 is the batch) stands in a shape without the batch axis."""
    place = axis - 1 if axis > 0 else axis + rank
    if not (axis != 0 and 0 <= place < rank):
        raise ValueError(f"axis {axis} does not exist in an input of {rank + 1} axes, batch included")
    return place


def _places(axes: Sequence[int], rank: int) -> list[int]:
    """The same of several axes, which must be different ones by whatever numbers."""
    places = [_place(axis, rank) for axis in axes]
    if len(set(places)) != len(places):
        raise ValueError(f"axes {list(axes)} are not different ones")
    return places


def _dense(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    units = options["units"]
    return (*inputs[0][:-1], units), {"kernel": (inputs[0][-1], units), **bias(options, units)}


def _batch_norm(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    shape = (inputs[0][_place(options["axis"], len(inputs[0]))],)
    moments = ["moving_mean", "moving_variance"]
    return inputs[0], dict.fromkeys(_learnt(options) + moments, shape)


def _layer_norm(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    shape = tuple(inputs[0][place] for place in _places(options["axis"], len(inputs[0])))
    return inputs[0], dict.fromkeys(_learnt(options), shape)


def _group_norm(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    channels = inputs[0][_place(options["axis"], len(inputs[0]))]
    groups = options["groups"]
    if groups != -1 and channels % groups:
        raise ValueError(f"{groups} groups do not divide {channels} channels evenly")
    return inputs[0], dict.fromkeys(_learnt(options), (channels,))


def _learnt(options: Options) -> list[str]:
    return ["gamma"] * options["scale"] + ["beta"] * options["center"]


def _prelu(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    shared = {_place(axis, len(inputs[0])) for axis in options["shared_axes"] or ()}
    return inputs[0], {"alpha": tuple(1 if i in shared else size for i, size in enumerate(inputs[0]))}


def _same(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    _places(options.get("axis", ()), len(inputs[0]))
    return inputs[0], {}


def _on_image(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:  # noqa: ARG001
    return image(inputs), {}


def _dropout(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    noise, shape = options["noise_shape"], inputs[0]
    if noise is not None and (
        len(noise) != len(shape) + 1 or any(n not in (None, 1, s) for n, s in zip(noise[1:], shape, strict=True))
    ):
        raise ValueError(f"noise_shape {noise} does not fit its input, batch and {shape}")
    return shape, {}


def _flatten(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:  # noqa: ARG001
    return (prod(inputs[0]),), {}


def _reshape(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    target, total = options["target_shape"], prod(inputs[0])
    given = prod(size for size in target if size != -1)
    if total % given or (-1 not in target and total != given):
        raise ValueError(f"{total} values of the shape {inputs[0]} do not fill {target}")
    return tuple(total // given if size == -1 else size for size in target), {}


def _permute(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    dims = options["dims"]
    if sorted(dims) != list(range(1, len(inputs[0]) + 1)):
        raise ValueError(f"dims {dims} is no order of the axes 1 to {len(inputs[0])}")
    return tuple(inputs[0][axis - 1] for axis in dims), {}


def _elementwise(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:  # noqa: ARG001
    rank = max(map(len, inputs))
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in inputs]
    output = tuple(max(sizes) for sizes in zip(*padded, strict=True))
    if any(size not in (1, full) for shape in padded for size, full in zip(shape, output, strict=True)):
        raise ValueError(f"its inputs have the shapes {', '.join(map(str, inputs))}")
    return output, {}


def _subtract(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    if len(inputs) != 2:
        raise ValueError(f"it takes two inputs and has {len(inputs)}")
    return _elementwise(options, inputs)


def _dot(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    if len(inputs) != 2 or any(len(shape) != 2 for shape in inputs):
        raise ValueError(f"it takes two matrices and its inputs have the shapes {', '.join(map(str, inputs))}")
    (one, two), (left, right) = options["axes"], inputs
    if left[one - 1] != right[two - 1]:
        raise ValueError(f"axis {one} of {left} and axis {two} of {right} differ")
    return (left[2 - one], right[2 - two]), {}


def _concatenate(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    place = _place(options["axis"], len(inputs[0]))
    rests = {(*shape[:place], *shape[place + 1 :]) for shape in inputs}
    if len(rests) != 1 or len({len(shape) for shape in inputs}) != 1:
        raise ValueError(f"its inputs have the shapes {', '.join(map(str, inputs))}")
    total = sum(shape[place] for shape in inputs)
    return (*inputs[0][:place], total, *inputs[0][place + 1 :]), {}


def _rescale(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    for name in ("scale", "offset"):
        shape = _shape_of(options[name])
        if shape not in ((), (1,), inputs[0][-1:]):
            raise ValueError(f"its {name} has the shape {shape} and its input {inputs[0]}")
    return inputs[0], {}


def _normalise(options: Options, inputs: Sequence[Shape]) -> tuple[Shape, WeightShapes]:
    rank = len(inputs[0])
    kept = tuple(inputs[0][place] for place in sorted(_place(axis, rank) for axis in options["axis"] or ()))
    if options["mean"] is None and options["variance"] is None:
        return inputs[0], {"mean": kept, "variance": kept}
    if options["mean"] is None or options["variance"] is None:
        raise ValueError("its mean and its variance are given together or not at all")
    mean, variance = _shape_of(options["mean"]), _shape_of(options["variance"])
    if mean != variance or mean not in ((), kept):
        raise ValueError(f"its mean has the shape {mean}, its variance {variance}, the axes kept {kept}")
    return inputs[0], {}


def _shape_of(values: Any) -> Shape:
    """The shape of nested lists; ValueError where they are ragged."""
    if not isinstance(values, list):
        return ()
    inner = {_shape_of(item) for item in values}
    if len(inner) != 1:
        raise ValueError("a list of numbers has rows of different lengths")
    return (len(values), *inner.pop())


MERGES = {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"}
"""Layers of two inputs or more, of which each value is one of the inputs', or of theirs at the same place."""
SEVERAL = {*MERGES, "Dot"}
"""All layers of two inputs or more."""

RULES: Mapping[str, Rule] = {
    "Conv2D": windows.conv,
    "DepthwiseConv2D": windows.depthwise,
    "SeparableConv2D": windows.separable,
    "Conv2DTranspose": windows.transpose,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "PReLU": _prelu,
    "MaxPooling2D": windows.pool,
    "AveragePooling2D": windows.pool,
    "GlobalAveragePooling2D": windows.global_pool,
    "GlobalMaxPooling2D": windows.global_pool,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "Dropout": _dropout,
    "SpatialDropout2D": _on_image,
    "Concatenate": _concatenate,
    "ZeroPadding2D": windows.pad,
    "Cropping2D": windows.crop,
    "UpSampling2D": windows.upsample,
    "Rescaling": _rescale,
    "Normalization": _normalise,
    "Subtract": _subtract,
    "Dot": _dot,
    **dict.fromkeys(("Add", "Multiply", "Average", "Maximum", "Minimum"), _elementwise),
    **dict.fromkeys(("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "UnitNormalization"), _same),
    **dict.fromkeys(("GaussianNoise", "GaussianDropout"), _same),
}
