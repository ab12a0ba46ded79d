"""A tensor's places by index, as `x[:, 0]` or `x[:, 1:3]`: borders cut away, and axes left out.

Which borders those are depends on the shape of the tensor. Keras 3 saves them as the operation GetItem, whose call says
the shape; the layer that stands first here is held against it, see `assemble._check_built`. Keras 2 wrote a
SlicingOpLambda, and the shape is known once the net is put together, see `sized.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

from nc_core.intake import options as read
from nc_core.intake.tree import Leaf, Model

SLICE, ELLIPSIS = "__slice__", "__ellipsis__"
BOUNDS = ("start", "stop", "step")
EXPECTED = "ranges by steps of 1 and single places, the batch whole: x[:, 0], x[:, 1:3]"


Step = tuple[str, dict[str, Any]]
"""A layer's class and its options."""
ANY = {"target_shape": [-1]}


class Cut(NamedTuple):
    """Places begin to before end of an axis; alone: a single one, without which the axis is left out; whole: the index
    says nothing of the axis.
    """

    begin: int
    end: int
    alone: bool
    whole: bool


def as_layers(name: str, tensor: Any, key: Any) -> list[dict[str, Any]]:
    """Entries of layers, to be called one after the other, that make `tensor[key]`; ValueError where none do.

    tensor: Keras' entry of it, with its shape.
    """
    shape = _shape(tensor)
    cuts = _cuts(key if isinstance(key, list) else [key], shape)
    kept = _kept(cuts)
    losing = [axis for axis, cut in enumerate(cuts) if cut.end - cut.begin < shape[axis]]
    layers = _entries(name, [*_borders(cuts, shape, losing), ("Reshape", {"target_shape": kept})])
    layers[0]["build_config"] = {"input_shape": [None, *shape]}
    return layers


def as_open_layers(name: str, key: Any) -> list[dict[str, Any]]:
    """As many entries of layers for a tensor of any shape, whose options are still to be found, see `options_for`.

    key: as Keras 2 wrote it.
    """
    entries = _of_keras_2(key)
    if len(entries) > read.AXES:
        raise ValueError(EXPECTED)
    said = sum(not _is(entry, ELLIPSIS) and not _is_whole(entry) for entry in entries)
    return _entries(name, [*[("Reshape", ANY), ("Cropping2D", {})] * said, ("Reshape", ANY)])


def with_places(row: Model, key: Any) -> Model:
    """The model of these layers, each with the key and its number among them; None: their options are known."""
    if key is None:
        return row
    layers = [(name, child) for name, child in row.children.items() if name not in row.inputs]
    marked = {
        name: replace(child, places=(key, n)) for n, (name, child) in enumerate(layers) if isinstance(child, Leaf)
    }
    return replace(row, children={**row.children, **marked})


def options_for(key: Any, shape: Sequence[int]) -> list[dict[str, Any]]:
    """The options of these layers, one after the other, for a tensor of this shape; ValueError where none do it."""
    cuts = _cuts(_of_keras_2(key), shape)
    kept = _kept(cuts)
    said = [axis for axis, cut in enumerate(cuts) if not cut.whole]
    return [*(options for _, options in _borders(cuts, shape, said)), {"target_shape": kept}]


def _entries(name: str, steps: Sequence[Step]) -> list[dict[str, Any]]:
    return [
        {"class_name": kind, "config": {"name": f"{name}_{number}", **options}, "name": f"{name}_{number}"}
        for number, (kind, options) in enumerate(steps)
    ]


def _of_keras_2(key: Any) -> list[Any]:
    """The key as Keras 3 writes it: there a range is {"start", "stop", "step"} alone."""
    entries = key if isinstance(key, list) else [key]
    return [_entry_of_keras_2(entry) for entry in entries]


def _entry_of_keras_2(entry: Any) -> Any:
    if entry == {"class_name": ELLIPSIS}:
        return {"class_name": ELLIPSIS, "config": {}}
    return {"class_name": SLICE, "config": entry} if isinstance(entry, dict) else entry


def _kept(cuts: Sequence[Cut]) -> list[int]:
    kept = [cut.end - cut.begin for cut in cuts if not cut.alone]
    if not kept:
        raise ValueError("one axis at least behind the batch")
    return kept


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
        return Cut(entry % size, entry % size + 1, alone=True, whole=False)
    if not _is(entry, SLICE):
        raise ValueError(EXPECTED)
    start, stop, step = _bounds(entry)
    begin, end, _ = slice(start, stop).indices(size)
    if step not in (None, 1) or begin >= end:
        raise ValueError(EXPECTED)
    return Cut(begin, end, alone=False, whole=_is_whole(entry))


def _is(entry: Any, kind: str) -> bool:
    return isinstance(entry, dict) and set(entry) == {"class_name", "config"} and entry["class_name"] == kind


def _is_whole(entry: Any) -> bool:
    return _is(entry, SLICE) and _bounds(entry) in ([None, None, None], [None, None, 1])


def _bounds(entry: Mapping[str, Any]) -> list[int | None]:
    config = entry["config"]
    if not isinstance(config, dict) or set(config) != set(BOUNDS):
        raise ValueError(EXPECTED)
    found = [config[name] for name in BOUNDS]
    if not all(each is None or type(each) is int for each in found):
        raise ValueError(EXPECTED)
    return found


def _borders(cuts: Sequence[Cut], shape: Sequence[int], axes: Sequence[int]) -> Iterator[Step]:
    """Each of these axes is made the columns of an image, whose borders are cut away."""
    sizes = list(shape)
    for axis in axes:
        cut = cuts[axis]
        yield "Reshape", {"target_shape": [prod(sizes[:axis]), sizes[axis], prod(sizes[axis + 1 :])]}
        yield "Cropping2D", {"cropping": [[0, 0], [cut.begin, sizes[axis] - cut.end]]}
        sizes[axis] = cut.end - cut.begin
