"""Functions of tensors that are saved as operations, by Keras 3's name and TensorFlow's: the layers that do the same.

Each is a fixed function of what it takes and of its options, which are read as those of a layer. An option that is not
named here is refused, also where it is off: of an operation nobody knows what its absence means.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nc_core.intake import options as read
from nc_core.intake.equivalents import IDENTITY, Equivalent
from nc_core.intake.layers import KINDS, Option


def _spatial(value: Any) -> list[int]:
    """Height and width of images, by whatever numbers: axes 1 and 2 of four."""
    found = read.axes(value)
    if sorted(axis % 4 for axis in found) != [1, 2]:
        raise ValueError("the axes of height and width, 1 and 2")
    return found


def _batched_sizes(value: Any) -> list[int]:
    """A target shape whose first size is that of the batch, -1; returns the others."""
    if not isinstance(value, list) or len(value) < 2 or value[0] != -1 or -1 in value[1:]:
        raise ValueError("-1 for the batch and all sizes of one image")
    return read.sizes(value[1:])


def _batched_axes(value: Any) -> list[int]:
    """An order of all axes that leaves the batch where it is; returns the others."""
    if not isinstance(value, list) or len(value) < 2 or value[0] != 0 or isinstance(value[0], bool):
        raise ValueError("an order of all axes that begins with 0")
    return read.counted_axes(value[1:])


def _float32(value: Any) -> None:
    if value != "float32":
        raise ValueError("float32")


def _activation(name: str) -> Equivalent:
    return Equivalent({}, "Activation", lambda _: {"activation": name})


def _pooled(kind: str, **options: Option) -> Equivalent:
    """A number of a whole image for each channel."""
    named = {"axis": Option(_spatial, kept=False), "keepdims": Option(read.flag, False), **options}
    return Equivalent(named, kind, dict)


_NN: Mapping[str, Equivalent] = {
    **{
        name: _activation(activation)
        for name, activation in {
            "Relu": "relu",
            "Relu6": "relu6",
            "Selu": "selu",
            "Silu": "silu",
            "Sigmoid": "sigmoid",
            "HardSigmoid": "hard_sigmoid",
            "HardSilu": "hard_silu",
            "Softplus": "softplus",
        }.items()
    },
    "Elu": Equivalent(KINDS["ELU"].options, "ELU", dict),
    "LeakyRelu": Equivalent({"negative_slope": Option(read.number, 0.2)}, "LeakyReLU", dict),
    # Keras' activation "gelu" is the exact one, its operation another function unless it is told.
    "Gelu": Equivalent(
        {"approximate": Option(read.off, True, kept=False)}, "Activation", lambda _: {"activation": "gelu"}
    ),
    "Softmax": Equivalent({"axis": Option(read.axis, -1)}, "Softmax", dict),
}
_NUMPY: Mapping[str, Equivalent] = {
    "Tanh": _activation("tanh"),
    "Exp": _activation("exponential"),
    "Negative": Equivalent({}, "Rescaling", lambda _: {"scale": -1.0, "offset": 0.0}),
    "Mean": _pooled("GlobalAveragePooling2D"),
    "Max": _pooled("GlobalMaxPooling2D", initial=Option(read.nothing, None, kept=False)),
    "Reshape": Equivalent(
        {"newshape": Option(_batched_sizes)}, "Reshape", lambda options: {"target_shape": options["newshape"]}
    ),
    "Transpose": Equivalent(
        {"axes": Option(_batched_axes), "conjugate": Option(read.off, False, kept=False)},
        "Permute",
        lambda options: {"dims": options["axes"]},
    ),
    "Concatenate": Equivalent({"axis": Option(read.axis, -1)}, "Concatenate", dict),
}
_CORE: Mapping[str, Equivalent] = {
    "Cast": Equivalent({"dtype": Option(_float32, kept=False)}, "Activation", lambda _: dict(IDENTITY)),
}
_ACTIVATIONS: Mapping[str, Equivalent] = {"ReLU": Equivalent(KINDS["ReLU"].options, "ReLU", dict)}

FUNCTIONS: Mapping[str, Equivalent] = {**_NN, **_NUMPY, **_CORE, **_ACTIVATIONS}


def homes(name: str) -> tuple[str, ...]:
    """The modules that Keras 3 may name for one of FUNCTIONS."""
    if name in _ACTIVATIONS:
        return ("keras.src.activations.activations",)
    part = "nn" if name in _NN else "core" if name in _CORE else "numpy"
    return f"keras.src.ops.{part}", f"keras.ops.{part}", "keras.ops"


@dataclass(frozen=True)
class Called:
    """What a call of one of TensorFlow's functions means: which of FUNCTIONS, its options by TensorFlow's names for
    them, and those that have another default in Keras 3.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


_POOLED = {"axis": "axis", "keepdims": "keepdims"}
_TRANSPOSED = {"perm": "axes", "conjugate": "conjugate"}

KERAS_2_FUNCTIONS: Mapping[str, Called] = {
    "nn.relu": Called("Relu"),
    "nn.relu6": Called("Relu6"),
    "nn.selu": Called("Selu"),
    "nn.silu": Called("Silu"),
    "nn.swish": Called("Silu"),
    "nn.elu": Called("Elu"),
    "nn.leaky_relu": Called("LeakyRelu", {"alpha": "negative_slope"}),
    "nn.gelu": Called("Gelu", {"approximate": "approximate"}, {"approximate": False}),
    "nn.softmax": Called("Softmax", {"axis": "axis"}),
    "math.sigmoid": Called("Sigmoid"),
    "math.tanh": Called("Tanh"),
    "math.softplus": Called("Softplus"),
    "math.exp": Called("Exp"),
    "math.negative": Called("Negative"),
    "math.reduce_mean": Called("Mean", _POOLED),
    "math.reduce_max": Called("Max", _POOLED),
    "reshape": Called("Reshape", {"shape": "newshape"}),
    "transpose": Called("Transpose", _TRANSPOSED),
    "compat.v1.transpose": Called("Transpose", _TRANSPOSED),
    "concat": Called("Concatenate", {"axis": "axis"}),
    "cast": Called("Cast", {"dtype": "dtype"}),
    "identity": Called("Cast", {}, {"dtype": "float32"}),
}
"""By TensorFlow's own names, which Keras 2 wrote; None for an option means its default there."""
