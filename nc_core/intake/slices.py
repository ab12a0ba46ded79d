"""A tensor's places by index, as `x[:, 0]` or `x[:, 1:3]` of a net of Keras 3: borders cut away, and axes left out.

Keras saves it as the operation GetItem. Which borders those are depends on the shape of the tensor, which the call
says; the layer that stands first here is held against it, see `assemble._check_built`.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from nc_core.intake import options as read

SLICE, ELLIPSIS = "__slice__", "__ellipsis__"
BOUNDS = ("start", "stop", "step")
EXPECTED = "ranges by steps of 1 and single places, the batch whole: x[:, 0], x[:, 1:3]"


class Cut(NamedTuple):
    """Places begin to before end of an axis; alone: a single one, without which the axis is left out."""

    begin: int
    end: int
    alone: bool


def as_layers(name: str, tensor: Any, key: Any) -> list[dict[str, Any]]:
    """Entries of layers, to be called one after the other, that make `tensor[key]`; ValueError where none do.

    tensor: Keras' entry of it, with its shape.
    """
    shape = _shape(tensor)
    cuts = _cuts(key if isinstance(key, list) else [key], shape)
    kept = [cut.end - cut.begin for cut in cuts if not cut.alone]
    if not kept:
        raise ValueError("one axis at least behind the batch")
    steps = [*_borders(cuts, shape), ("Reshape", {"target_shape": kept})]
    layers = [
        {"class_name": kind, "config": {"name": f"{name}_{number}", **options}, "name": f"{name}_{number}"}
        for number, (kind, options) in enumerate(steps)
    ]
    layers[0]["build_config"] = {"input_shape": [None, *shape]}
    return layers


def _shape(tensor: Any) -> list[int]:
    config = tensor.get("config") if isinstance(tensor, dict) else None
    shape = config.get("shape") if isinstance(config, dict) else None
    if not isinstance(shape, list) or len(shape) < 2 or shape[0] is not None:
        raise ValueError("a tensor that says its shape")
    return [read.count(size) for size in shape[1:]]


def _cuts(key: Sequence[Any], shape: Sequence[int]) -> list[Cut]:
    """One for each axis behind the batch."""
    ellipses = [place for place, entry in enumerate(key) if _is(entry, ELLIPSIS)]
    if len(ellipses) > 1 or len(key) - len(ellipses) > len(shape) + 1:
        raise ValueError(EXPECTED)
    missing = [{"class_name": SLICE, "config": dict.fromkeys(BOUNDS)}] * (len(shape) + 1 - len(key) + len(ellipses))
    place = ellipses[0] if ellipses else len(key)
    whole: list[Any] = [*key[:place], *missing, *key[place + 1 :]]
    batch, rest = whole[0], whole[1:]
    if not _is(batch, SLICE) or _bounds(batch) != [None, None, None]:
        raise ValueError(EXPECTED)
    return [_cut(entry, size) for entry, size in zip(rest, shape, strict=True)]


def _cut(entry: Any, size: int) -> Cut:
    if type(entry) is int:
        if not -size <= entry < size:
            raise ValueError(f"a place of an axis of {size}")
        return Cut(entry % size, entry % size + 1, alone=True)
    if not _is(entry, SLICE):
        raise ValueError(EXPECTED)
    start, stop, step = _bounds(entry)
    begin, end, _ = slice(start, stop).indices(size)
    if step not in (None, 1) or begin >= end:
        raise ValueError(EXPECTED)
    return Cut(begin, end, alone=False)


def _is(entry: Any, kind: str) -> bool:
    return isinstance(entry, dict) and set(entry) == {"class_name", "config"} and entry["class_name"] == kind


def _bounds(entry: Mapping[str, Any]) -> list[int | None]:
    config = entry["config"]
    if not isinstance(config, dict) or set(config) != set(BOUNDS):
        raise ValueError(EXPECTED)
    found = [config[name] for name in BOUNDS]
    if not all(each is None or type(each) is int for each in found):
        raise ValueError(EXPECTED)
    return found


def _borders(cuts: Sequence[Cut], shape: Sequence[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each axis that loses places is made the columns of an image, whose borders are cut away."""
    sizes = list(shape)
    for axis, cut in enumerate(cuts):
        if cut.end - cut.begin < sizes[axis]:
            yield "Reshape", {"target_shape": [prod(sizes[:axis]), sizes[axis], prod(sizes[axis + 1 :])]}
            yield "Cropping2D", {"cropping": [[0, 0], [cut.begin, sizes[axis] - cut.end]]}
            sizes[axis] = cut.end - cut.begin
