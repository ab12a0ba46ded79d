"""Model configurations (Keras 1 to 3, Sequential and Functional, nested) -> the checked tree."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.calls import Callees, output_ref, read_calls, read_refs
from nc_core.intake.equivalents import EQUIVALENTS, as_layer, is_operation
from nc_core.intake.fields import (
    batch_shape,
    class_and_config,
    list_of,
    object_of,
    plain_name,
    refuse_foreign,
)
from nc_core.intake.layer_options import ACTIVATION_LAYERS, known_kind, read_options
from nc_core.intake.limits import LAYERS, within
from nc_core.intake.tree import Call, Leaf, Model, Ref
from nc_core.intake.wording import shown

MODELS = ("Functional", "Model", "Sequential")


@dataclass
class _Reader:
    """Reads one file's configuration; counts layers on the way.

    operation, whole: names of a layer that is an operation, and of an input of other numbers than floats.
    """

    keras: int
    layers: int = 0
    operation: str | None = None
    whole: str | None = None

    def child(self, entry: Any, siblings: Mapping[str, object]) -> tuple[str, Leaf | Model]:
        """One entry of a model's `layers`, with the name that its siblings call it by."""
        class_name, config = class_and_config(entry)
        self.layers += 1
        within(self.layers, LAYERS, "layers")
        name = entry.get("name") or (config.get("name") if isinstance(config, dict) else None)
        name = plain_name(name or f"{class_name.lower()}_{len(siblings)}")
        if name in siblings:
            raise ModelRefused(f"two layers of one model are called {name!r}: rename one and save the model again")
        refuse_foreign(entry, name)
        if class_name in MODELS:
            return name, self.model(class_name, config, name)
        return name, self.leaf(class_name, config, name)

    def leaf(self, class_name: str, config: Any, name: str) -> Leaf:
        config = object_of(config, f"configuration of layer {name!r}")
        if class_name == "InputLayer":
            if "float" not in str(config.get("dtype") or "float32"):
                self.whole = name
            return Leaf(name=name, kind=class_name, shape=batch_shape(config, name))
        if class_name in EQUIVALENTS:
            return self._equivalent(class_name, config, name)
        kind = known_kind(class_name, name)
        after = self._activation_layer(config, name)
        if after is not None:
            config = {**config, "activation": "linear"}
        options = read_options(kind, config, name)
        if self.keras < 3 and options.get("activation") == "hard_sigmoid":
            raise ModelRefused(
                f"layer {name!r} ({kind}) uses the hard_sigmoid of Keras 2, which Keras 3 defines "
                "differently: put Rescaling(0.2, 0.5) and ReLU(max_value=1) in its place and save the "
                "model again"
            )
        trainable = config.get("trainable", True) is not False
        return Leaf(name=name, kind=kind, options=options, trainable=trainable, followed_by=after)

    def _equivalent(self, class_name: str, config: Mapping[str, Any], name: str) -> Leaf:
        same = EQUIVALENTS[class_name]
        made = same.made(read_options(class_name, config, name, same.options))
        plain = self.leaf(same.kind, {**made, "trainable": config.get("trainable", True)}, name)
        return replace(plain, stored_as=class_name)

    def _activation_layer(self, config: Mapping[str, Any], name: str) -> Leaf | None:
        """Keras lets a layer stand as another one's activation; it becomes a layer of its own."""
        value = config.get("activation")
        if not isinstance(value, dict) or value.get("class_name") not in ACTIVATION_LAYERS:
            return None
        own = f"{name}_activation"
        refuse_foreign(value, own)
        return self.leaf(value["class_name"], value.get("config"), own)

    def model(self, class_name: str, config: Any, name: str) -> Model:
        if class_name == "Sequential":
            entries = config if isinstance(config, list) else object_of(config, f"model {name!r}").get("layers")
            read = self._sequential(list_of(entries, f"layers of model {name!r}"), config, name)
        else:
            read = self._functional(object_of(config, f"model {name!r}"), name)
        trainable = not isinstance(config, dict) or config.get("trainable", True) is not False
        return replace(read, class_name=class_name, trainable=trainable)

    def _sequential(self, entries: list[Any], config: Any, name: str) -> Model:
        children: dict[str, Leaf | Model] = {}
        for entry in entries:
            child_name, child = self.child(entry, children)
            children[child_name] = child
        names = list(children)
        if not names:
            raise ModelRefused(f"model {name!r} has no layers: submit a trained classifier")
        if not _is_input(children[names[0]]):
            shape = _first_shape(entries[0], children[names[0]], config, name)
            names.insert(0, _free_name("input", children))
            children = {names[0]: Leaf(name=names[0], kind="InputLayer", shape=shape), **children}
        calls: dict[str, tuple[Call, ...]] = {
            after: ((Ref(name=before, call=0),),) for before, after in itertools.pairwise(names)
        }
        return Model(
            name=name,
            class_name="Sequential",
            children=children,
            calls={names[0]: ((),), **calls},
            inputs=(names[0],),
            output=Ref(name=names[-1], call=0),
        )

    def _functional(self, config: Mapping[str, Any], name: str) -> Model:
        children: dict[str, Leaf | Model] = {}
        entries: dict[str, Any] = {}
        for entry in list_of(config.get("layers"), f"layers of model {name!r}"):
            is_ours = isinstance(entry, dict) and is_operation(entry)
            layer = as_layer(entry) if is_ours else entry
            child_name, child = self.child(layer, children)
            if is_ours and isinstance(child, Leaf):
                child, self.operation = replace(child, operation=True), child_name
            children[child_name], entries[child_name] = child, layer
        callees = Callees(
            calls={
                child: len(list_of(entry.get("inbound_nodes", []), "inbound_nodes")) for child, entry in entries.items()
            },
            nested={child_name: child.class_name for child_name, child in children.items() if isinstance(child, Model)},
            keras=self.keras,
        )
        calls = {
            child_name: ((),)
            if _is_input(child)
            else read_calls(entries[child_name]["inbound_nodes"], child_name, callees)
            for child_name, child in children.items()
            if _is_input(child) or "inbound_nodes" in entries[child_name]
        }
        inputs = tuple(ref[0] for ref in read_refs(config.get("input_layers"), f"inputs of model {name!r}"))
        for given in inputs:
            if given not in children or not _is_input(children[given]):
                raise ModelRefused(
                    f"model {name!r} names {shown(given)} as its input, which is no InputLayer of it: "
                    "save the model again"
                )
        return Model(
            name=name,
            class_name="Functional",
            children=children,
            calls=calls,
            inputs=inputs,
            output=output_ref(config.get("output_layers"), name, callees),
        )


def read_config(config: Mapping[str, Any], *, keras: int) -> Model:
    """The tree of a whole model's configuration {"class_name", "config"}; `keras` is the major version that
    wrote it.
    """
    class_name, inner = class_and_config(config)
    refuse_foreign(config, "model")
    if class_name not in MODELS:
        raise ModelRefused(
            f"the model is a {shown(class_name)}; read here are Sequential and Functional models: rebuild "
            "it as one of these, copy the weights and save it again"
        )
    if class_name == "Sequential" and isinstance(inner, dict) and isinstance(config.get("build_config"), dict):
        inner = {"build_input_shape": config["build_config"].get("input_shape"), **inner}
    name = inner.get("name") if isinstance(inner, dict) else None
    reader = _Reader(keras=keras)
    model = reader.model(class_name, inner, plain_name(name or "model"))
    if reader.operation is not None and reader.whole is not None:
        raise ModelRefused(
            f"the input {reader.whole!r} is of whole numbers and {reader.operation!r} is an operation, which may "
            "overflow on them: begin the net with keras.Input(..., dtype='float32'), copy the weights and save it again"
        )
    return model


def _free_name(wanted: str, taken: Mapping[str, object]) -> str:
    while wanted in taken:
        wanted += "_"
    return wanted


def _is_input(child: Leaf | Model) -> bool:
    return isinstance(child, Leaf) and child.kind == "InputLayer"


def _first_shape(entry: Any, first: Leaf | Model, config: Any, name: str) -> tuple[int | None, ...] | None:
    """A Sequential without an InputLayer has its input's shape in its first layer or in build_input_shape."""
    inner = entry.get("config")
    if isinstance(inner, dict) and ("batch_input_shape" in inner or "batch_shape" in inner):
        return batch_shape(inner, name)
    if isinstance(first, Model):
        found = first.children[first.inputs[0]] if first.inputs else None
        return found.shape if isinstance(found, Leaf) else None
    built = config.get("build_input_shape") if isinstance(config, dict) else None
    return batch_shape({"batch_shape": built}, name) if built is not None else None
