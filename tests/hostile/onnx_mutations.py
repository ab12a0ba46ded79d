"""Valid ONNX files with something changed: values where the format has one, names, operators, versions."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import onnx
from onnx import helper

from nc_core.intake.onnx.operators import OPERATORS

NUMBERS = (0, 1, -1, 2, 3, 4, 7, 8, 192, 2**31, -(2**63), 2**63 - 1)
FLOATS = (0.0, -1.0, 0.5, 6.0, 1e-30, 3.4e38, float("inf"), float("nan"))
OPSETS = (9, 10, 11, 12, 13, 14, 17, 18, 20, 22, 23)
Change = Callable[[Any, random.Random], object]


def regraphed(content: bytes, chance: random.Random) -> bytes:
    """One to three of the changes below."""
    model = onnx.load_from_string(content)
    for _ in range(chance.choice((1, 1, 2, 3))):
        chance.choice(CHANGES)(model, chance)
    return bytes(model.SerializeToString())


def _node(model: Any, chance: random.Random) -> Any:
    return chance.choice(model.graph.node)


def _some_name(model: Any, chance: random.Random) -> str:
    names = [name for node in model.graph.node for name in node.output]
    names += [array.name for array in model.graph.initializer]
    return str(chance.choice([*names, "image", ""]))


def _other_input(model: Any, chance: random.Random) -> None:
    node = _node(model, chance)
    if node.input:
        node.input[chance.randrange(len(node.input))] = _some_name(model, chance)


def _more_or_less_input(model: Any, chance: random.Random) -> None:
    node = _node(model, chance)
    if node.input and chance.random() < 0.5:
        node.input.pop()
    else:
        node.input.append(_some_name(model, chance))


def _other_operator(model: Any, chance: random.Random) -> None:
    _node(model, chance).op_type = chance.choice(sorted(OPERATORS))


def _other_attribute(model: Any, chance: random.Random) -> None:
    attributes = [each for node in model.graph.node for each in node.attribute]
    if not attributes:
        return
    attribute = chance.choice(attributes)
    if attribute.ints:
        attribute.ints[chance.randrange(len(attribute.ints))] = chance.choice(NUMBERS[:7])
    elif attribute.HasField("f"):
        attribute.f = chance.choice(FLOATS)
    elif attribute.HasField("i"):
        attribute.i = chance.choice(NUMBERS)


def _no_attribute(model: Any, chance: random.Random) -> None:
    node = _node(model, chance)
    if node.attribute:
        del node.attribute[chance.randrange(len(node.attribute))]


def _new_attribute(model: Any, chance: random.Random) -> None:
    name = chance.choice(("axis", "axes", "keepdims", "perm", "ceil_mode", "auto_pad", "alpha", "group", "mode"))
    value: Any = chance.choice((0, 1, -1, 2, [1], [2, 3], [0, 1, 3, 2], 0.5, "SAME_LOWER", "nearest"))
    _node(model, chance).attribute.append(helper.make_attribute(name, value))


def _other_sizes(model: Any, chance: random.Random) -> None:
    dims = chance.choice(model.graph.initializer).dims
    if len(dims) > 1 and chance.random() < 0.6:
        dims[:] = chance.sample(list(dims), len(dims))
    elif dims:
        dims[chance.randrange(len(dims))] = chance.choice(NUMBERS)


def _other_numbers(model: Any, chance: random.Random) -> None:
    """Whole numbers: axes, shapes, places."""
    arrays = [array for array in model.graph.initializer if len(array.raw_data) >= 8 and array.data_type == 7]
    if arrays:
        array = chance.choice(arrays)
        at = 8 * chance.randrange(len(array.raw_data) // 8)
        number = chance.choice(NUMBERS).to_bytes(8, "little", signed=True)
        array.raw_data = array.raw_data[:at] + number + array.raw_data[at + 8 :]


def _other_type(model: Any, chance: random.Random) -> None:
    chance.choice(model.graph.initializer).data_type = chance.choice((1, 6, 7, 9, 10, 11, 16))


def _other_opset(model: Any, chance: random.Random) -> None:
    model.opset_import[0].version = chance.choice(OPSETS)


def _other_image(model: Any, chance: random.Random) -> None:
    dims = model.graph.input[0].type.tensor_type.shape.dim
    chance.choice(dims).dim_value = chance.choice((1, 2, 3, 8, 9, 16, 17, 2**20))


def _node_away(model: Any, chance: random.Random) -> None:
    at = chance.randrange(len(model.graph.node))
    node = model.graph.node[at]
    taken, made = list(node.input), list(node.output)
    del model.graph.node[at]
    for other in model.graph.node:
        for place, name in enumerate(other.input):
            if name in made and taken:
                other.input[place] = taken[0]


CHANGES: Sequence[Change] = (
    _other_input,
    _more_or_less_input,
    _other_operator,
    _other_attribute,
    _other_attribute,
    _no_attribute,
    _new_attribute,
    _other_sizes,
    _other_numbers,
    _other_numbers,
    _other_type,
    _other_opset,
    _other_image,
    _node_away,
)
