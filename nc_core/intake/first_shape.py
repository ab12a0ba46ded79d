"""The shape of a Sequential's input, which its file may say in several places."""

from collections.abc import Iterator
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.fields import batch_shape, list_of
from nc_core.intake.tree import Leaf, Model


def first_shape(entry: Any, first: Leaf | Model, config: Any, name: str) -> tuple[int | None, ...] | None:
    """A Sequential without an InputLayer has its input's shape in its first layer or in build_input_shape.

    config: of the model; entry: its first layer's; first: what was read of that. Raises ModelRefused where two of these
    say different shapes.
    """
    found = [shape for shape in _shapes(entry, first, config, name) if shape is not None]
    for shape in found[1:]:
        if len(shape) != len(found[0]) or any(_differ(*pair) for pair in zip(shape, found[0], strict=True)):
            raise ModelRefused(f"model {name!r} has inputs of the shape {found[0]} and of {shape}: save it again")
    return found[0] if found else None


def _differ(size: int | None, other: int | None) -> bool:
    return size is not None and other is not None and size != other


def _shapes(entry: Any, first: Leaf | Model, config: Any, name: str) -> Iterator[tuple[int | None, ...] | None]:
    inner = entry.get("config")
    if isinstance(inner, dict):
        yield batch_shape(inner, name)
        for shape in (inner.get("input_shape"), None if inner.get("input_dim") is None else [inner["input_dim"]]):
            if shape is not None:
                yield batch_shape({"batch_shape": [None, *list_of(shape, f"sizes of the input of {name!r}")]}, name)
    if isinstance(first, Model):
        given = first.children[first.inputs[0]] if first.inputs else None
        yield given.shape if isinstance(given, Leaf) else None
    built = config.get("build_input_shape") if isinstance(config, dict) else None
    yield batch_shape({"batch_shape": built}, name)
