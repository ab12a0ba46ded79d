"""Which arrays of a file belong to which layer: the layouts of `.h5` files and of `.keras` archives."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.hdf5 import dataset_at, group_at, names_attribute, numbered
from nc_core.intake.tree import Leaf, Model, Path, leaves
from nc_core.intake.wording import shown

Arrays = Mapping[Path, list[Any]]
"""Datasets of every layer that has weights, in Keras' own order, by the layer's path."""

STATE = ("moving_mean", "moving_variance", "mean", "variance")
"""Weights that are never trained."""


def file_names(leaf: Leaf) -> tuple[str, ...]:
    """The arrays of a layer in a file: a Normalization has a counter besides its weights."""
    return (*leaf.weight_names, "count") if leaf.kind == "Normalization" and leaf.weight_names else leaf.weight_names


def legacy_arrays(group: Any, model: Model) -> Arrays:
    """Arrays of `.h5` files: a group a layer, `weight_names` in each, nested models in one list."""
    stored = {}
    for name in names_attribute(group, "layer_names") or []:
        layer_group = group_at(group, name)
        if layer_group is not None and (weights := names_attribute(layer_group, "weight_names")):
            stored[name] = (layer_group, weights)
    weighted = [name for name, child in model.children.items() if _is_weighted(child)]
    if len(stored) != len(weighted):
        raise ModelRefused(
            f"the file holds weights of {len(stored)} layers and the architecture has {len(weighted)} with "
            "weights: they do not belong together"
        )
    # By name, or by order where the names differ, which is Keras' own rule.
    named = dict(zip(weighted, weighted if set(weighted) == set(stored) else stored, strict=True))
    found: dict[Path, list[Any]] = {}
    for name in weighted:
        layer_group, weights = stored[named[name]]
        for path, own in _shared_out(model.children[name], (name,), weights):
            found[path] = [dataset_at(layer_group, weight) for weight in own]
    return found


def _is_weighted(child: Leaf | Model) -> bool:
    if isinstance(child, Leaf):
        return bool(child.weight_names)
    return any(leaf.weight_names for _, leaf, _ in leaves(child))


def _shared_out(child: Leaf | Model, path: Path, weights: list[str]) -> Iterator[tuple[Path, list[str]]]:
    """The weight names of one group, given to the layers within."""
    if isinstance(child, Leaf):
        yield path, weights
        return
    inner = [item for item in leaves(child, path, child.trainable) if item[1].weight_names]
    expected = sum(len(file_names(leaf)) for _, leaf, _ in inner)
    if expected != len(weights):
        raise ModelRefused(
            f"the nested model {path[-1]!r} has {len(weights)} arrays in the file and {expected} in the "
            "architecture: they do not belong together"
        )
    yield from (_by_name(inner, weights) or _by_order(inner, weights)).items()


def _by_name(inner: list[tuple[Path, Leaf, bool]], weights: list[str]) -> dict[Path, list[str]] | None:
    """By the layer's name before the last slash; None where some layer gets another number of arrays."""
    paths = {leaf.name: path for path, leaf, _ in inner}
    found: dict[Path, list[str]] = {path: [] for path, _, _ in inner}
    for weight in weights:
        parts = weight.split("/")[:-1]
        tails = ("/".join(parts[i:]) for i in range(len(parts)))
        name = next((tail for tail in tails if tail in paths), None)
        if name is None:
            return None
        found[paths[name]].append(weight)
    complete = all(len(found[path]) == len(file_names(leaf)) for path, leaf, _ in inner)
    return found if complete and len(paths) == len(inner) else None


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


def archive_arrays(root: Any, model: Model) -> Arrays:
    """Arrays of Keras 3: layers/<class name>_<counter>/vars/<n>, nested models the same way below theirs."""
    top = next(
        (name for name in ("layers", "_layer_checkpoint_dependencies") if group_at(root, name) is not None),
        None,
    )
    if top is None:
        raise ModelRefused("the weights file has no group 'layers': save the model again with Keras 3")
    return dict(_archived(root, model, (), "", top))


def _archived(root: Any, model: Model, path: Path, prefix: str, container: str) -> Iterator[tuple[Path, list[Any]]]:
    used: dict[str, int] = {}
    for name, child in model.children.items():
        stem = snake_case(child.class_name)
        used[stem] = used.get(stem, -1) + 1
        place = f"{prefix}{container}/{stem}_{used[stem]}" if used[stem] else f"{prefix}{container}/{stem}"
        if isinstance(child, Model):
            yield from _archived(root, child, (*path, name), f"{place}/", container)
        elif child.weight_names:
            yield (*path, name), _variables(root, place)


def _variables(root: Any, place: str) -> list[Any]:
    group = group_at(root, f"{place}/vars")
    if group is None:
        raise ModelRefused(
            f"the weights file has no group {shown(place)}, which the architecture needs: save the model again"
        )
    return numbered(group)


def snake_case(class_name: str) -> str:
    """Keras' own rule (keras.src.utils.naming.to_snake_case): Conv2D -> conv2d, PReLU -> p_re_lu."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
