"""Which arrays of a file belong to which layer: the layouts of `.h5` files and of `.keras` archives."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.hdf5 import (
    NAMES,
    PATH_CHARACTERS,
    dataset_at,
    group_at,
    members,
    names_attribute,
    numbered,
    text_attribute,
)
from nc_core.intake.limits import within
from nc_core.intake.order import is_weighted
from nc_core.intake.tree import Leaf, Model, Path, leaves
from nc_core.intake.wording import TWO_MEANINGS, shown

Arrays = Mapping[Path, list[Any]]
"""Datasets of every layer that has weights, in Keras' own order, by the layer's path."""

STATE = ("moving_mean", "moving_variance", "mean", "variance")
"""Weights that are never trained."""


def file_names(leaf: Leaf) -> tuple[str, ...]:
    """The arrays of a layer in a file: a Normalization has a counter besides its weights."""
    return (*leaf.weight_names, "count") if leaf.kind == "Normalization" and leaf.weight_names else leaf.weight_names


def legacy_arrays(group: Any, model: Model) -> Arrays:
    """Arrays of `.h5` files: a group a layer, `weight_names` in each, nested models in one list.

    They belong to the layers by their order, which is Keras' rule. ModelRefused where their names say otherwise.
    """
    _refuse_mirrored(group)
    stored = [(name, *_own_weights(group, name)) for name in names_attribute(group, "layer_names") or []]
    stored = [each for each in stored if each[2]]
    weighted = [name for name, child in model.children.items() if is_weighted(child)]
    if len(stored) != len(weighted):
        raise ModelRefused(
            f"the file holds weights of {len(stored)} layers and the architecture has {len(weighted)} with "
            "weights: they do not belong together"
        )
    _check_names(weighted, [name for name, _, _ in stored])
    found: dict[Path, list[Any]] = {}
    for name, (_, layer_group, weights) in zip(weighted, stored, strict=True):
        for path, own in _shared_out(model.children[name], (name,), weights):
            found[path] = [dataset_at(layer_group, weight) for weight in own]
    return found


def _refuse_mirrored(group: Any) -> None:
    if text_attribute(group, "backend") == "theano":
        raise ModelRefused(
            "the weights were saved with Theano, whose kernels are mirrored: load them with Keras 2 and save them again"
        )


def _own_weights(group: Any, name: str) -> tuple[Any, list[str]]:
    layer_group = group_at(group, name)
    if layer_group is None:
        raise ModelRefused(f"the HDF5 file has no group {shown(name)}, which it names: save the model again")
    return layer_group, names_attribute(layer_group, "weight_names") or []


def _check_names(wanted: Sequence[str], stored: Sequence[str]) -> None:
    """Raise ModelRefused where a layer's weights lie under another layer's name; names of no layer say nothing."""
    if len(set(stored)) != len(stored):
        raise ModelRefused("the HDF5 file names the weights of a layer twice: save the model again")
    for name, found in zip(wanted, stored, strict=True):
        if name != found and (found in wanted or name in stored):
            raise _two_meanings(f"layer {shown(name)} gets the weights of {shown(found)}")


def _two_meanings(what: str) -> ModelRefused:
    return ModelRefused(f"{what} by their order, which is what Keras goes by, and not by their names: {TWO_MEANINGS}")


def _shared_out(child: Leaf | Model, path: Path, weights: list[str]) -> Iterator[tuple[Path, list[str]]]:
    """The weight names of one group, given to the layers within."""
    if isinstance(child, Leaf):
        _check_weight_names(child, weights)
        yield path, weights
        return
    inner = [item for item in leaves(child, path, child.trainable) if item[1].weight_names]
    expected = sum(len(file_names(leaf)) for _, leaf, _ in inner)
    if expected != len(weights):
        raise ModelRefused(
            f"the nested model {path[-1]!r} has {len(weights)} arrays in the file and {expected} in the "
            "architecture: they do not belong together"
        )
    if any(leaf.kind == "Normalization" for _, leaf, _ in inner):
        raise ModelRefused(
            f"the nested model {path[-1]!r} has a Normalization, whose arrays Keras 3 reads from an .h5 file and does "
            "not use: save the model as .keras"
        )
    saved, loaded = _by_order(inner, weights), _by_order(_as_loaded(child, inner), weights)
    if saved != loaded:
        raise ModelRefused(
            f"the nested model {path[-1]!r} is partly frozen, and Keras 3 loads its weights in another order than it "
            "saved them: save the model as .keras"
        )
    _check_layer_names(inner, loaded)
    yield from loaded.items()


def _as_loaded(child: Model, inner: list[tuple[Path, Leaf, bool]]) -> list[tuple[Path, Leaf, bool]]:
    """The same as Keras 3 finds it after loading: a Sequential, and models further in, have forgotten to be frozen."""
    frozen = child.class_name != "Sequential" and not child.trainable
    return [(path, leaf, leaf.trainable and not frozen) for path, leaf, _ in inner]


def _check_layer_names(inner: list[tuple[Path, Leaf, bool]], found: Mapping[Path, list[str]]) -> None:
    """Raise ModelRefused where an array's name is that of another layer than it is given to."""
    named: dict[str, list[Path]] = {}
    for path, leaf, _ in inner:
        named.setdefault(leaf.name, []).append(path)
    for path, leaf, _ in inner:
        _check_weight_names(leaf, found[path])
        for weight in found[path]:
            parts = weight.split("/")[:-1]
            tails = ("/".join(parts[i:]) for i in range(len(parts)))
            paths = next((named[tail] for tail in tails if tail in named), [path])
            if path not in paths:
                raise _two_meanings(f"layer {shown(leaf.name)} gets the array {shown(weight)}")


def _check_weight_names(leaf: Leaf, weights: Sequence[str]) -> None:
    """Raise ModelRefused where an array has the name of another weight of the layer."""
    for wanted, weight in zip(file_names(leaf), weights, strict=False):
        said = weight.split("/")[-1].split(":")[0]
        if said != wanted and said in leaf.weight_names:
            raise _two_meanings(f"{wanted} of layer {shown(leaf.name)} is the array {shown(weight)}")


def _by_order(inner: list[tuple[Path, Leaf, bool]], weights: list[str]) -> dict[Path, list[str]]:
    """Keras lists the trained arrays of all layers first, then the others; a frozen layer has only others."""
    slots = [
        (path, name, not trainable or name in (*STATE, "count"))
        for path, leaf, trainable in inner
        for name in file_names(leaf)
    ]
    found: dict[Path, list[str]] = {path: [] for path, _, _ in inner}
    for (path, _, _), weight in zip(sorted(slots, key=lambda slot: slot[2]), weights, strict=True):
        found[path].append(weight)
    return found


CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""Where a `.keras` archive has the weights of a model's layers: in Keras 2.15 and 3, and in 2.12 to 2.14."""

Group = Any
"""Of HDF5."""


def archive_arrays(root: Group, model: Model) -> Arrays:
    """Arrays of a `.keras` archive: layers/<class name>_<counter>/vars/<n>, nested models the same way below theirs.

    The counters run over the layers in Keras' order. Keras 2.12 to 2.14 counted a layer with weights twice, and on
    Windows every Keras before 3 wrote the path of a layer with backslashes, as one name; Keras 3 loads no such file, so
    that it means what its writer meant. ModelRefused where a layer has no group, where there are both containers, and
    where weights are left that no layer takes.
    """
    stored, container = _stored(root)
    slots = list(_slots(model, (), "", container, 1))
    if container == CONTAINERS[1] and not all(slot.place in stored for slot in slots):
        slots = list(_slots(model, (), "", container, 2))
    missing = next((slot.place for slot in slots if slot.place not in stored), None)
    if missing is not None:
        raise ModelRefused(
            f"the weights file has no group {shown(missing)}, which the architecture needs: save the model again"
        )
    unused = next(iter(stored.keys() - {slot.place for slot in slots}), None)
    if unused is not None:
        raise ModelRefused(
            f"the weights file holds {shown(unused)}, which no layer of the model takes: save the model again"
        )
    return {slot.path: _variables(stored[slot.place], slot) for slot in slots}


def _stored(root: Group) -> tuple[Mapping[str, Group], str]:
    """The groups that hold arrays of a layer, by their place with slashes, and the one container of them all."""
    found: dict[str, Group] = {}
    pending = [("", root)]
    for above, group in pending:
        within(len(pending), NAMES, "groups in its weights file")
        for name in members(group):
            place = f"{above}{name}".replace("\\", "/")
            within(len(place), PATH_CHARACTERS, "characters in the name of a group of its weights file")
            below = group_at(group, name) if _is_place(place.split("/")) else None
            if below is None:
                continue
            pending.append((f"{place}/", below))
            variables = group_at(below, "vars")
            if variables is not None and members(variables):
                if place in found:
                    raise ModelRefused(f"the weights file holds {shown(place)} twice: save the model again")
                found[place] = variables
    tops = {place.split("/")[0] for place, _ in pending if place}
    if not tops:
        raise ModelRefused("the weights file has no group 'layers': save the model again with Keras 3")
    if len(tops) > 1:
        raise ModelRefused(f"the weights file has both groups {' and '.join(sorted(tops))}: save the model again")
    return found, tops.pop()


def _is_place(parts: Sequence[str]) -> bool:
    """Whether these lead to a layer: a container, a layer, a container of the model that this is, and so on."""
    return parts[0] in CONTAINERS and all(part == parts[0] for part in parts[::2])


@dataclass(frozen=True)
class _Slot:
    """Where a layer's arrays should lie; path: of the layer, the last name being that of a child of `model`."""

    path: Path
    place: str
    model: Model


def _slots(model: Model, path: Path, prefix: str, container: str, counted: int) -> Iterator[_Slot]:
    """Of every layer with weights. counted: how often Keras counted such a layer, or a model with such layers."""
    used: dict[str, int] = {}
    for name, child in model.children.items():
        stem = snake_case(child.class_name)
        number = used.get(stem, 0)
        used[stem] = number + (counted if is_weighted(child) else 1)
        place = f"{prefix}{container}/{stem}_{number}" if number else f"{prefix}{container}/{stem}"
        if isinstance(child, Model):
            yield from _slots(child, (*path, name), f"{place}/", container, counted)
        elif child.weight_names:
            yield _Slot((*path, name), place, model)


def _variables(group: Group, slot: _Slot) -> list[Any]:
    said, name = text_attribute(group, "name"), slot.path[-1]
    if said != name and said in slot.model.children:
        raise _two_meanings(f"layer {shown(name)} gets the weights of {shown(said)}")
    return numbered(group)


def snake_case(class_name: str) -> str:
    """Keras' own rule (keras.src.utils.naming.to_snake_case): Conv2D -> conv2d, PReLU -> p_re_lu."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
