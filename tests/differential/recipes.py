"""Nets as plain data, drawn by hypothesis over every layer and option that is read; `oracle.py` builds them with Keras.

A recipe is {"form", "image", "steps", "seed"}. Tensor 0 is the image (H, W, C), step n makes tensor n + 1, the last one
is the output. A step has "from", the tensors that it takes, and one of "layer" (kind, name, options, trainable),
"again" (the number of a step whose layer is called once more), "model" (a recipe), "number" (an operator of Python, a
number).
"""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from nc_core.intake.layers import KINDS
from nc_core.intake.options import ACTIVATIONS
from nc_core.intake.shapes import SEVERAL, infer
from nc_core.intake.windows import Shape

Recipe = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]
Options = Callable[[Draw, Shape], dict[str, Any]]

HEADS = ("softmax", "linear", "sigmoid", "single-sigmoid", "single-linear", "Softmax", "Activation", "operation")
NAMES = st.sampled_from(["conv", "Dense", "layer.1", "a b", "x" * 60, "block_1", "größe", "0"])
NUMBERS = st.sampled_from([0.5, 2, -1.5, 255.0, 1e-3])
SMALL = st.sampled_from([1, 2, 3])
PAIR = st.lists(SMALL, min_size=2, max_size=2)
FLAG = st.booleans()
ACTIVATION = st.sampled_from(sorted(set(ACTIVATIONS) - {"softmax_v2", "swish", "hard_swish", "exponential"}))
ACTIVATION_LAYERS = st.sampled_from(
    [
        {"layer": "LeakyReLU", "options": {"negative_slope": 0.2}},
        {"layer": "ReLU", "options": {"max_value": 1.5, "threshold": 0.1}},
        {"layer": "ELU", "options": {"alpha": 0.5}},
    ]
)


def _active(draw: Draw) -> dict[str, Any]:
    return {"activation": draw(st.one_of(ACTIVATION, ACTIVATION_LAYERS)), "use_bias": draw(FLAG)}


def _window(draw: Draw) -> dict[str, Any]:
    strides, dilation = draw(PAIR), draw(PAIR)
    plain = max(strides) == 1 or max(dilation) == 1
    return {
        "kernel_size": draw(PAIR),
        "strides": strides,
        "dilation_rate": dilation if plain else [1, 1],
        "padding": draw(st.sampled_from(["valid", "same"])),
        **_active(draw),
    }


def _depthwise(draw: Draw) -> dict[str, Any]:
    window = _window(draw)
    return {"depth_multiplier": draw(SMALL), **window, "strides": [window["strides"][0]] * 2}


def _conv(draw: Draw, shape: Shape) -> dict[str, Any]:
    groups = draw(st.sampled_from([1] * 9 + [g for g in (2, 3) if shape[-1] % g == 0]))
    return {"filters": groups * draw(SMALL), "groups": groups, **_window(draw)}


def _transpose(draw: Draw, shape: Shape) -> dict[str, Any]:  # noqa: ARG001
    options = {"filters": draw(SMALL), **_window(draw)}
    options["dilation_rate"] = [1, 1]
    if max(options["strides"]) > 1 and draw(FLAG):
        options["output_padding"] = [max(1, stride - 1) for stride in options["strides"]]
    return options


def _moments(draw: Draw) -> dict[str, Any]:
    return {"center": draw(FLAG), "scale": draw(FLAG), "epsilon": draw(st.sampled_from([1e-3, 1e-5, 0.1]))}


def _axis(draw: Draw, shape: Shape) -> int:
    return int(draw(st.sampled_from([-1, *range(1, len(shape) + 1)])))


def _axes(draw: Draw, shape: Shape) -> int | list[int]:
    several = st.lists(st.sampled_from(range(1, len(shape) + 1)), min_size=2, max_size=2, unique=True).map(sorted)
    return draw(st.one_of(st.just(_axis(draw, shape)), several)) if len(shape) > 1 else -1


def _pool(draw: Draw, shape: Shape) -> dict[str, Any]:  # noqa: ARG001
    return {
        "pool_size": draw(PAIR),
        "strides": draw(st.one_of(st.none(), PAIR)),
        "padding": draw(st.sampled_from(["valid", "same"])),
    }


def _reshape(draw: Draw, shape: Shape) -> dict[str, Any]:
    flipped = list(reversed(shape))
    return {"target_shape": draw(st.sampled_from([flipped, [-1, shape[-1]], [1, *shape], [-1]]))}


def _normalisation(draw: Draw, shape: Shape) -> dict[str, Any]:
    axis = draw(st.one_of(st.just(-1), st.none())) if len(shape) > 1 else -1
    if draw(FLAG):
        return {"axis": axis, "invert": draw(FLAG)}
    if axis is None:
        return {"axis": None, "mean": 0.3, "variance": 0.7}
    size = shape[-1]
    return {"mean": [0.1 * n for n in range(size)], "variance": [0.5 + n for n in range(size)], "invert": draw(FLAG)}


def _nothing(draw: Draw, shape: Shape) -> dict[str, Any]:  # noqa: ARG001
    return {}


ON_IMAGES: Mapping[str, Options] = {
    "Conv2D": _conv,
    "DepthwiseConv2D": lambda draw, _: _depthwise(draw),
    "SeparableConv2D": lambda draw, _: {"filters": draw(SMALL), **_depthwise(draw)},
    "Conv2DTranspose": _transpose,
    "MaxPooling2D": _pool,
    "AveragePooling2D": _pool,
    "GlobalAveragePooling2D": lambda draw, _: {"keepdims": draw(FLAG)},
    "GlobalMaxPooling2D": lambda draw, _: {"keepdims": draw(FLAG)},
    "SpatialDropout2D": lambda *_: {"rate": 0.3},
    "ZeroPadding2D": lambda draw, _: {"padding": [draw(PAIR), draw(PAIR)]},
    "Cropping2D": lambda draw, _: {"cropping": [draw(PAIR), [0, 1]]},
    "UpSampling2D": lambda draw, _: {
        "size": draw(PAIR),
        "interpolation": draw(st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])),
    },
}
ON_ANYTHING: Mapping[str, Options] = {
    "Dense": lambda draw, _: {"units": draw(SMALL), **_active(draw)},
    "BatchNormalization": lambda draw, shape: {"axis": _axis(draw, shape), "momentum": 0.9, **_moments(draw)},
    "LayerNormalization": lambda draw, shape: {"axis": _axes(draw, shape), **_moments(draw)},
    "GroupNormalization": lambda draw, shape: {
        "axis": _axis(draw, shape),
        "groups": draw(st.sampled_from([-1, 1, 2, 3])),
        **_moments(draw),
    },
    "UnitNormalization": lambda draw, shape: {"axis": _axes(draw, shape)},
    "Activation": lambda draw, _: {"activation": draw(ACTIVATION)},
    "ReLU": lambda draw, _: {
        "max_value": draw(st.sampled_from([None, 0.8, 6.0])),
        "negative_slope": draw(st.sampled_from([0.0, 0.1])),
        "threshold": draw(st.sampled_from([0.0, 0.2])),
    },
    "LeakyReLU": lambda draw, _: {"negative_slope": draw(st.sampled_from([0.3, 0.01]))},
    "ELU": lambda draw, _: {"alpha": draw(st.sampled_from([1.0, 0.3]))},
    "PReLU": lambda draw, shape: {"shared_axes": draw(st.sampled_from([None, [len(shape)], [1]]))},
    "Softmax": lambda draw, shape: {"axis": _axes(draw, shape)},
    "Flatten": _nothing,
    "Reshape": _reshape,
    "Permute": lambda draw, shape: {"dims": draw(st.permutations(range(1, len(shape) + 1)))},
    "Dropout": lambda draw, shape: {"rate": 0.4, "noise_shape": draw(st.sampled_from([None, [None, *shape]]))},
    "GaussianNoise": lambda *_: {"stddev": 0.3},
    "GaussianDropout": lambda *_: {"rate": 0.3},
    "Rescaling": lambda draw, shape: {
        "scale": draw(st.sampled_from([2.0, 1 / 255, [0.5 + n for n in range(shape[-1])]])),
        "offset": draw(st.sampled_from([0.0, -1.0])),
    },
    "Normalization": _normalisation,
}
MERGING: Mapping[str, Options] = {
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), _nothing),
    "Concatenate": lambda draw, shape: {"axis": _axis(draw, shape)},
    "Dot": lambda draw, _: {"axes": draw(st.lists(st.sampled_from([1, 2]), min_size=2, max_size=2))},
}
LAYERS: Mapping[str, Options] = {**ON_IMAGES, **ON_ANYTHING, **MERGING}

OPERATORS = (
    "x + n",
    "n + x",
    "x - n",
    "n - x",
    "x * n",
    "n * x",
    "x / n",
    "-x",
    "ops.tanh(x)",
    "ops.leaky_relu(x, 0.3)",
)

DOING_NOTHING: Mapping[str, dict[str, Any]] = {
    "Identity": {},
    "ActivityRegularization": {"l2": 0.1},
    "AlphaDropout": {"rate": 0.2},
    "RandomFlip": {"mode": "vertical"},
    "RandomZoom": {"height_factor": 0.3},
    "RandomContrast": {"factor": 0.9, "value_range": [0, 1]},
}
"""Layers that leave what they take; but for the first three images alone."""
MOST_VALUES = 20_000
"""Of one tensor: nets are many, and small."""


class _Net:
    """A recipe under construction: the shape of every tensor, and which ones nothing has taken yet."""

    def __init__(self, draw: Draw, image: Shape) -> None:
        self.draw = draw
        self.shapes: list[Shape] = [image]
        self.steps: list[dict[str, Any]] = []
        self.loose = {0}

    def add(self, shape: Shape, sources: list[int], **step: Any) -> int:
        """One step more; returns the number of its tensor."""
        self.steps.append({"from": sources, **step})
        self.shapes.append(shape)
        self.loose = (self.loose - set(sources)) | {len(self.steps)}
        return len(self.steps)

    def layer(self, kind: str, options: dict[str, Any], sources: list[int]) -> bool:
        """A layer, where it fits its inputs; returns whether it did."""
        try:
            shape, _ = infer(kind, _plain(kind, options), [self.shapes[source] for source in sources])
        except ValueError:
            return False
        if size(shape) > MOST_VALUES or len(shape) > 5:
            return False
        name = f"{self.draw(NAMES)}_{len(self.steps)}" if self.draw(FLAG) else None
        trainable = self.draw(st.sampled_from([True, True, True, False]))
        own = {"kind": kind, "name": name, "options": options, "trainable": trainable}
        self.add(shape, sources, layer=own)
        return True


def size(shape: Shape) -> int:
    """The number of values."""
    total = 1
    for side in shape:
        total *= side
    return total


SEVERAL_AXES = ("LayerNormalization", "UnitNormalization", "Softmax", "Normalization")


def _plain(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options as the canonical form has them, for shapes alone."""
    plain = {name: option.default for name, option in KINDS[kind].options.items() if option.kept} | options
    if kind in SEVERAL_AXES and isinstance(plain["axis"], int):
        plain["axis"] = [plain["axis"]]
    return plain


def _grow(net: _Net, depth: int, *, chain: bool) -> None:
    """One step, of any kind that fits; none where the draw does not fit."""
    draw = net.draw
    kinds = ["layer"] * 6 + ([] if chain else ["merge", "merge", "again", "number"]) + ["model", "equivalent"]
    kind = draw(st.sampled_from(kinds))
    last = len(net.shapes) - 1
    source = last if chain else draw(st.sampled_from([last, last, *range(len(net.shapes))]))
    shape = net.shapes[source]
    if kind == "layer":
        table = {**ON_ANYTHING, **(ON_IMAGES if len(shape) == 3 else {})}
        layer = draw(st.sampled_from(sorted(table)))
        net.layer(layer, table[layer](draw, shape), [source])
    elif kind == "merge":
        others = [n for n, other in enumerate(net.shapes) if len(other) == len(shape)]
        sources = [source, *draw(st.lists(st.sampled_from(others), min_size=1, max_size=2))]
        layer = draw(st.sampled_from(sorted(MERGING)))
        net.layer(layer, MERGING[layer](draw, shape), sources)
    elif kind == "again":
        _call_again(net, source)
    elif kind == "number" and size(shape) <= MOST_VALUES:
        net.add(shape, [source], number=[draw(st.sampled_from(OPERATORS)), draw(NUMBERS)])
    elif kind == "equivalent":
        _equivalent(net, source)
    elif kind == "model" and depth < 2 and len(shape) == 3:
        inner = draw(recipes(depth=depth + 1, image=shape))
        net.add(tuple(inner["shape"]), [source], model=inner)


def _equivalent(net: _Net, source: int) -> None:
    """A layer that is written down as another one: one that does nothing here, or a crop of the middle."""
    shape, draw = net.shapes[source], net.draw
    image = len(shape) == 3
    kind = draw(st.sampled_from([*list(DOING_NOTHING)[: None if image else 3], *(["CenterCrop", "Resizing"] * image)]))
    options = DOING_NOTHING.get(kind, {})
    if kind == "Resizing":
        options = {
            "height": shape[0],
            "width": shape[1],
            "interpolation": draw(st.sampled_from(["nearest", "bicubic"])),
        }
    if kind == "CenterCrop":
        options = {"height": draw(st.integers(1, shape[0])), "width": draw(st.integers(1, shape[1]))}
        shape = (options["height"], options["width"], shape[2])
    net.add(shape, [source], layer={"kind": kind, "name": None, "options": options, "trainable": True})


def _call_again(net: _Net, source: int) -> None:
    """A layer or model of an earlier step, called on another tensor of the size that it knows."""
    shape = net.shapes[source]
    fitting = [
        number
        for number, step in enumerate(net.steps)
        if ("layer" in step or "model" in step)
        and len(step["from"]) == 1
        and net.shapes[step["from"][0]] == shape
        and "Dropout" not in str(step.get("layer"))
    ]
    if fitting:
        number = net.draw(st.sampled_from(fitting))
        net.add(net.shapes[number + 1], [source], again=number)


def _join(net: _Net) -> None:
    """Bring all that nothing has taken together, so that every layer leads to the output."""
    while len(net.loose) > 1:
        ends = []
        for end in sorted(net.loose):
            if len(net.shapes[end]) != 1:
                net.layer("Flatten", {}, [end])
                ends.append(len(net.steps))
            else:
                ends.append(end)
        net.layer("Concatenate", {}, ends)


@st.composite
def recipes(draw: Draw, depth: int = 0, image: Shape | None = None) -> Recipe:
    """A net of up to a dozen layers; a classifier at depth 0, any image-to-tensor net further in."""
    form = draw(st.sampled_from(["functional", "functional", "sequential"]))
    sides = st.integers(4, 9)
    given = image or (draw(sides), draw(sides), draw(st.sampled_from([1, 2, 3, 4])))
    net = _Net(draw, given)
    for _ in range(draw(st.integers(1, 7 if depth == 0 else 3))):
        _grow(net, depth, chain=form == "sequential")
    if not net.steps:
        net.layer("Flatten", {}, [0])
    _join(net)
    if depth == 0:
        _finish(net, chain=form == "sequential")
    return {
        "form": form,
        "image": list(given),
        "steps": net.steps,
        "shape": list(net.shapes[-1]),
        "seed": draw(st.integers(0, 99)),
        "name": f"{draw(NAMES)} {depth}",
        "trainable": draw(st.sampled_from([True, True, True, False])),
        "input": draw(st.sampled_from(["layer", "build"])),
    }


def _finish(net: _Net, *, chain: bool) -> None:
    """The head of a classifier."""
    if len(net.shapes[-1]) != 1:
        net.layer("Flatten", {}, [len(net.steps)])
    head = net.draw(st.sampled_from(HEADS))
    units = 1 if head.startswith("single") else net.draw(st.sampled_from([2, 3, 5]))
    inside = {"single-sigmoid": "sigmoid"}.get(head, head if head in ("softmax", "sigmoid") else "linear")
    net.layer("Dense", {"units": units, "activation": inside}, [len(net.steps)])
    if head == "Softmax":
        net.layer("Softmax", {}, [len(net.steps)])
    if head == "operation" and not chain:
        net.add(net.shapes[-1], [len(net.steps)], number=["ops.softmax(x)", 1])
    if head == "Activation":
        net.layer("Activation", {"activation": "sigmoid"}, [len(net.steps)])


def kinds_of(recipe: Recipe) -> set[str]:
    """The kinds of layers in a recipe."""
    found: set[str] = set()
    for step in recipe["steps"]:
        if "layer" in step:
            found.add(step["layer"]["kind"])
        elif "model" in step:
            found |= {recipe["form"], *kinds_of(step["model"])}
        else:
            found.add("again" if "again" in step else "number")
    return found


assert set(MERGING) == SEVERAL
