"""Readers of single option values: each takes untrusted JSON and returns a plain value or raises ValueError.

The text of the ValueError says what is expected; `layer_options.read_options` adds the layer, the option and the
value. What a reader returns is a number, a truth value, a word of a list in this project, or a bounded list of those:
never text or an object of the file, so no option can name code, a file or a class.
"""

import math
from collections.abc import Callable
from typing import Any

Reader = Callable[[Any], Any]

LARGEST = 2**24
"""Of any whole number among the options: float32 tells these apart, and no axis of an image comes near. The budgets
of limits.py come on top."""
LARGEST_FLOAT = 3e38
"""Of any other number: what a float32 holds, since anything above becomes infinity in the net."""
NUMBERS = 2**20
"""Of one list of numbers: a Normalization of each value of a 512 x 512 image of four channels."""
AXES = 8
"""Of any shape; images have four, and nets that take them apart into patches six."""

ACTIVATIONS = {
    name: name
    for name in [
        "relu",  # max(x, 0)
        "relu6",  # min(max(x, 0), 6)
        "leaky_relu",  # x or 0.2 x
        "elu",  # x or e^x - 1
        "selu",  # elu with two fixed factors
        "gelu",  # x times the normal law's distribution function at x
        "silu",  # x sigmoid(x)
        "sigmoid",  # 1 / (1 + e^-x)
        "hard_sigmoid",  # relu6(x + 3) / 6
        "hard_silu",  # x hard_sigmoid(x)
        "tanh",  # (e^x - e^-x) / (e^x + e^-x)
        "softplus",  # log(1 + e^x)
        "softmax",  # e^x over its sum over the last axis
        "linear",  # x
        "exponential",  # e^x
    ]
} | {"swish": "silu", "hard_swish": "hard_silu", "softmax_v2": "softmax"}
"""Keras' own pure functions of one tensor, by every name they were saved under; they have no options here. Any other
name would have Keras look it up among what the process has registered."""


def count(value: Any) -> int:
    """A positive whole number: a size or a number of things, which inference multiplies out against limits."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
        raise ValueError(f"a whole number from 1 to {LARGEST:,}")
    return value


def groups(value: Any) -> int:
    """A number of groups of channels; -1 for as many as there are channels."""
    return -1 if value == -1 else count(value)


def whole(value: Any) -> int:
    """A whole number of at least 0: a width that may be nothing."""
    return 0 if value == 0 and not isinstance(value, bool) else count(value)


def pair(value: Any) -> list[int]:
    """A positive whole number for both directions, or one for height and one for width; none of them may be 0."""
    return _two(value, count)


def equal(value: Any) -> list[int]:
    """The same positive whole number for both directions."""
    found = pair(value)
    if found[0] != found[1]:
        raise ValueError("the same number for both directions, since TensorFlow has no others")
    return found


def _two(value: Any, reader: Callable[[Any], int]) -> list[int]:
    values = value if isinstance(value, list) else [value, value]
    if len(values) != 2:
        raise ValueError("one whole number or two")
    return [reader(item) for item in values]


def borders(value: Any) -> list[list[int]]:
    """Padding or cropping: a number, [vertical, horizontal], or [[top, bottom], [left, right]]."""
    values = value if isinstance(value, list) else [value, value]
    if len(values) != 2:
        raise ValueError("a whole number, two of them, or two pairs")
    return [_two(item, whole) for item in values]


def number(value: Any) -> float:
    """A finite number; Keras 2 wrapped some in a list of one or in an object that says so and holds nothing else."""
    if isinstance(value, dict) and set(value) == {"type", "value"} and value["type"] == "ndarray":
        value = value["value"]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number")
    try:
        plain = float(value)
    except OverflowError:
        plain = math.inf
    if not abs(plain) <= LARGEST_FLOAT:
        raise ValueError("a finite number of float32")
    return plain


def positive(value: Any) -> float:
    """A finite number above 0: what is added to a divisor."""
    plain = number(value)
    if plain <= 0:
        raise ValueError("a number above 0")
    return plain


def rate(value: Any) -> float:
    """A share from 0 (included) to 1 (excluded), since what is kept is divided by 1 minus it."""
    plain = number(value)
    if not 0 <= plain < 1:
        raise ValueError("a share from 0 to below 1")
    return plain


def numbers(value: Any) -> Any:
    """A finite number or a (nested) list of them; `shapes.py` wants them as long as the input's channels."""
    if isinstance(value, list) and not 1 <= (size := _size(value)) <= NUMBERS:
        raise ValueError(f"a number or a list of 1 to {NUMBERS:,} numbers, not {size:,}")
    return _numbers(value)


def _size(value: Any) -> int:
    return sum(_size(item) for item in value) if isinstance(value, list) else 1


def _numbers(value: Any) -> Any:
    return [_numbers(item) for item in value] if isinstance(value, list) else number(value)


def flag(value: Any) -> bool:
    """True or false, and no other value that Python takes for one."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def off(value: Any) -> None:
    """An option that would change the net in a way we do not carry: only its absence is read."""
    if value:
        raise ValueError("it switched off")


def nothing(value: Any) -> None:
    """An option that is not null has a meaning that we do not carry, also where it is 0 or false."""
    if value is not None:
        raise ValueError("null")


def anything(value: Any) -> None:
    """An option that counts in training alone."""


def one_of(*names: str) -> Reader:
    """One of the given words, each of which Keras knows as a rule of its own."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(" or ".join(names))
        return value

    return read


def optional(reader: Reader) -> Reader:
    """What `reader` reads, or null."""
    return lambda value: None if value is None else reader(value)


def axis(value: Any) -> int:
    """One axis, a place among at most AXES; Keras 2 wrote a list of one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int) or not -AXES <= value <= AXES:
        raise ValueError(f"an axis from {-AXES} to {AXES}")
    return value


def axes(value: Any) -> list[int]:
    """One axis or several, as a list without repetition: Keras does not say what a repeated one means."""
    values = [axis(item) for item in value] if isinstance(value, list) else [axis(value)]
    if len(set(values)) != len(values):
        raise ValueError("axes without repetition")
    return values


def sorted_axes(value: Any) -> list[int]:
    """The same in the order that Keras brings them into, by the numbers as they are written."""
    return sorted(axes(value))


def counted_axes(value: Any) -> list[int]:
    """Axes counted from the front: Keras takes a negative one for its neighbour."""
    found = axes(value)
    if min(found, default=1) < 1:
        raise ValueError(f"axes from 1 to {AXES}")
    return found


def dot_axes(value: Any) -> list[int]:
    """An axis for each of two matrices, behind the batch: 1 or 2."""
    found = _two(value, count)
    if max(found) > 2:
        raise ValueError("an axis of 1 or 2 for each of two matrices")
    return found


def sizes(value: Any) -> list[int]:
    """A target shape: positive whole numbers, at most one of them -1 (what remains)."""
    if not isinstance(value, list) or not 1 <= len(value) <= AXES or value.count(-1) > 1:
        raise ValueError(f"1 to {AXES} whole numbers, at most one of them -1")
    return [item if item == -1 else count(item) for item in value]


def noise_shape(value: Any) -> list[int | None] | None:
    """A dropout's mask shape: null where the input's own size counts; no larger than the input, see `shapes.py`.

    A number alone, as in Dropout(0.2, 2), is no shape: Keras 2 saved it, Keras 3 refuses it, and a net that answers
    drops nothing.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return None
    if not isinstance(value, list) or len(value) > AXES:
        raise ValueError(f"up to {AXES} whole numbers or nulls")
    return [None if item is None else count(item) for item in value]


def activation(value: Any) -> str:
    """A known activation function's name; Keras 3 may wrap it in an object of class `function`.

    The object's module counts: `keras.ops` has functions of the same names with other defaults.
    """
    if isinstance(value, dict) and _is_builtin(value):
        value = value["config"]
    if value is None:
        return "linear"
    if not isinstance(value, str) or value not in ACTIVATIONS:
        raise ValueError("one of " + ", ".join(sorted(ACTIVATIONS)))
    return ACTIVATIONS[value]


def _is_builtin(value: dict[str, Any]) -> bool:
    """Whether this is Keras' own activation function of the name that it holds."""
    return (
        set(value) <= {"module", "class_name", "config", "registered_name"}
        and value.get("class_name") == "function"
        and value.get("module") in ("builtins", "keras.activations")
        and "config" in value
        and value.get("registered_name") in (None, value["config"])
    )


def channels_last(value: Any) -> str:
    """The one data format read here."""
    if value not in (None, "channels_last"):
        raise ValueError(
            "channels_last; rebuild the net with data_format='channels_last', copy the weights with "
            "set_weights and save it again"
        )
    return "channels_last"
