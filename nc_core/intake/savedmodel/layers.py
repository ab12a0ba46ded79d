"""The weights of a tree's layers, found by the names that Keras 2 has for them in a SavedModel.

A model calls its layers layer-0, layer-1, ... in its own order, and those with weights also layer_with_weights-0, ...
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.order import is_weighted
from nc_core.intake.savedmodel.bundle import FLOATS, Bundle, Variable
from nc_core.intake.savedmodel.metadata import FILE, Metadata, check_same
from nc_core.intake.savedmodel.objects import KEY, ROOT, ObjectGraph
from nc_core.intake.savedmodel.wording import AGAIN
from nc_core.intake.tree import Leaf, Model, Path
from nc_core.intake.weights import file_names
from nc_core.intake.wording import TWO_MEANINGS, shown

NAMES: Mapping[str, Mapping[str, str]] = {
    "DepthwiseConv2D": {"kernel": "depthwise_kernel"},
    "LayerScale": {"kernel": "gamma"},
}
"""Weights that Keras 2 calls otherwise than the table of layers, by the class in the file."""

OF_LAYERS = ("layer-", "layer_with_weights-", "variables/")
"""How the keys begin of what belongs to a model's layers."""
SLOT = "/.OPTIMIZER_SLOT/"
"""Of what an optimizer keeps beside a weight, in older files."""


def saved_arrays(model: Model, config: Mapping[str, Any], metadata: Metadata, bundle: Bundle) -> dict[Path, list[Any]]:
    """Arrays of every layer that has weights. config: what `model` was read from.

    Raises ModelRefused where the file has two words on a layer, or weights that no layer takes.
    """
    found = _Layers(metadata, ObjectGraph(bundle.variable(KEY).text()))
    arrays = {
        path: [bundle.variable(key) for key in keys] for path, keys in found.keys(model, config, (), ROOT, "root")
    }
    taken = {each.key for own in arrays.values() for each in own}
    left = next((each for each in bundle.variables.values() if each.key not in taken and _is_weight(each)), None)
    if left is not None:
        raise ModelRefused(f"the SavedModel holds {shown(left.key)}, which no layer of the model takes: {AGAIN}")
    return arrays


def _is_weight(variable: Variable) -> bool:
    return variable.key.startswith(OF_LAYERS) and SLOT not in variable.key and variable.dtype in FLOATS


@dataclass
class _Layers:
    """Walks through a model's layers. met: the objects that are layers met already."""

    metadata: Metadata
    graph: ObjectGraph
    met: set[int] = field(default_factory=set)

    def keys(
        self, model: Model, config: Mapping[str, Any], path: Path, number: int, place: str
    ) -> Iterator[tuple[Path, list[str]]]:
        """The keys of the weights of all its layers. number: its object's; place: its path in the metadata."""
        entries = {_name_of(entry): entry for entry in _listed(config)}
        children = self.graph.children(number)
        for name, child, labels in _labelled(model, entries):
            own = self._object(children, labels, name)
            places = [f"{place}.{label}" for label in labels if self._check(f"{place}.{label}", entries[name], name)]
            if not places and not (isinstance(child, Leaf) and child.kind == "InputLayer"):
                raise ModelRefused(f"{FILE} of the SavedModel says nothing of layer {shown(name)}: {AGAIN}")
            if isinstance(child, Leaf) and child.weight_names:
                yield (*path, name), [self._key(own, child, weight) for weight in file_names(child)]
            elif isinstance(child, Model) and is_weighted(child):
                yield from self.keys(child, entries[name]["config"], (*path, name), own, places[0])

    def _object(self, children: Mapping[str, int], labels: list[str], name: str) -> int:
        """The one object that has all these labels."""
        numbers = {children.get(label, -1) for label in labels}
        number = numbers.pop()
        if numbers or number < 0:
            raise ModelRefused(
                f"the object graph of the SavedModel does not say which object layer {name!r} is: {AGAIN}"
            )
        if number in self.met:
            raise ModelRefused(f"layer {name!r} is in the SavedModel the same object as another layer: {TWO_MEANINGS}")
        self.met.add(number)
        return number

    def _check(self, place: str, entry: Mapping[str, Any], name: str) -> bool:
        """Whether the metadata say something of the layer at the place: what the model's configuration says."""
        said = self.metadata.entry(place)
        if said is not None:
            check_same(said, entry, name)
        return said is not None

    def _key(self, number: int, leaf: Leaf, weight: str) -> str:
        name = NAMES.get(leaf.class_name, {}).get(weight, weight)
        children = self.graph.children(number)
        if name not in children:
            raise ModelRefused(f"layer {leaf.name!r} ({leaf.class_name}) has no {name} in the SavedModel: {AGAIN}")
        return self.graph.key(children[name])


def _labelled(model: Model, entries: Mapping[str, Any]) -> Iterator[tuple[str, Leaf | Model, list[str]]]:
    """Every layer in Keras' order with what the model calls it; a Sequential does not count its input."""
    counted = {name: child for name, child in model.children.items() if name in entries}
    if model.class_name == "Sequential":
        counted = {name: child for name, child in counted.items() if name not in model.inputs}
    weighted = 0
    for number, (name, child) in enumerate(counted.items()):
        labels = [f"layer-{number}"]
        if is_weighted(child):
            labels.append(f"layer_with_weights-{weighted}")
            weighted += 1
        yield name, child, labels


def _listed(config: Any) -> list[Any]:
    """The entries of a model's layers; old Sequentials are a list of them."""
    layers: list[Any] = config if isinstance(config, list) else config["layers"]
    return layers


def _name_of(entry: Mapping[str, Any]) -> Any:
    config = entry.get("config")
    return entry.get("name") or (config.get("name") if isinstance(config, dict) else None)
