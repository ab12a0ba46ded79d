"""Model configurations (Keras 1 to 3, Sequential and Functional, nested) -> the checked tree."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.calls import Callees, output_refs, read_calls, read_refs
from nc_core.intake.equivalents import EQUIVALENTS
from nc_core.intake.fields import (
    PRECISION,
    batch_shape,
    check_origin,
    check_precision,
    check_shared,
    class_and_config,
    list_of,
    object_of,
    plain_name,
)
from nc_core.intake.first_shape import first_shape
from nc_core.intake.graph import second_input
from nc_core.intake.layer_options import ACTIVATION_LAYERS, known_kind, read_options
from nc_core.intake.limits import LAYERS, within
from nc_core.intake.operations import as_layer, is_operation, open_places
from nc_core.intake.order import check_order, in_keras_order
from nc_core.intake.outputs import chosen, only
from nc_core.intake.slices import with_places
from nc_core.intake.tree import Call, Leaf, Model, Ref
from nc_core.intake.wording import TWO_MEANINGS, shown

MODELS = ("Functional", "Model", "Sequential")


INPUT_KEYS = ("name", "trainable", "dtype", "batch_shape", "batch_input_shape")
MODEL_KEYS = ("name", "trainable", "dtype", "layers", "input_layers", "output_layers", "build_input_shape")


@dataclass
class _Reader:
    """Reads one file's configuration; counts layers on the way. keras: the major version that wrote it."""

    keras: int
    layers: int = 0
    shared: set[str] = field(default_factory=set)

    def child(self, entry: Any, siblings: Mapping[str, object]) -> tuple[str, Leaf | Model]:
        """One entry of a model's `layers`, with the name that its siblings call it by."""
        class_name, config = class_and_config(entry)
        self.layers += 1
        within(self.layers, LAYERS, "layers")
        name = _name(entry, config, f"{class_name.lower()}_{len(siblings)}")
        if name in siblings:
            raise ModelRefused(f"two layers of one model are called {name!r}: rename one and save the model again")
        check_origin(entry, name)
        self._refuse_shared(entry, name)
        if class_name in MODELS:
            return name, only(self.model(class_name, _built_config(entry, name), name))
        return name, replace(self.leaf(class_name, _as_loaded(entry, name), name), built=entry.get("build_config"))

    def _refuse_shared(self, entry: Mapping[str, Any], name: str) -> None:
        number = entry.get("shared_object_id")
        if number is None:
            return
        if repr(number) in self.shared:
            raise ModelRefused(
                f"layer {name!r} is the same object as another layer: it would have weights of its own here; make a "
                "layer for each and save the model again"
            )
        self.shared.add(repr(number))

    def leaf(self, class_name: str, config: Any, name: str) -> Leaf:
        config = object_of(config, f"configuration of layer {name!r}")
        check_precision(config, name)
        if class_name == "InputLayer":
            return _input(config, name)
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
        return Leaf(name=name, kind=kind, options=options, trainable=_trainable(config, name), followed_by=after)

    def _equivalent(self, class_name: str, config: Mapping[str, Any], name: str) -> Leaf:
        same = EQUIVALENTS[class_name]
        options = read_options(class_name, config, name, same.options)
        plain = self.leaf(same.kind, {**same.made(options), "trainable": config.get("trainable", True)}, name)
        size = (options["height"], options["width"]) if same.sized else None
        before = None
        if same.before is not None:
            kind, made = same.before
            before = self.leaf(kind, made(options), f"{name}_{kind.lower()}")
        # What adds two tensors by a rule of its own spreads them as an operation does.
        return replace(plain, stored_as=class_name, size=size, before=before, operation=before is not None)

    def _activation_layer(self, config: Mapping[str, Any], name: str) -> Leaf | None:
        """Keras lets a layer stand as another one's activation; it becomes a layer of its own."""
        value = config.get("activation")
        if not isinstance(value, dict) or value.get("class_name") not in ACTIVATION_LAYERS:
            return None
        own = f"{name}_activation"
        check_origin(value, own)
        return self.leaf(value["class_name"], value.get("config"), own)

    def model(self, class_name: str, config: Any, name: str) -> Model:
        if isinstance(config, dict):
            check_precision(config, name)
            unknown = [key for key in config if key not in MODEL_KEYS]
            if unknown:
                raise ModelRefused(
                    f"model {name!r} has the option {shown(unknown[0])}, which is not read here: rebuild it without it"
                )
        if class_name == "Sequential":
            entries = config if isinstance(config, list) else object_of(config, f"model {name!r}").get("layers")
            read = self._sequential(list_of(entries, f"layers of model {name!r}"), config, name)
        else:
            read = self._functional(object_of(config, f"model {name!r}"), name)
        trainable = not isinstance(config, dict) or _trainable(config, name)
        own = "Sequential" if class_name == "Sequential" else "Functional"
        return replace(read, class_name=own, trainable=trainable)

    def _sequential(self, entries: list[Any], config: Any, name: str) -> Model:
        children: dict[str, Leaf | Model] = {}
        for entry in entries:
            child_name, child = self.child(entry, children)
            children[child_name] = child
        names = list(children)
        if not names:
            raise ModelRefused(f"model {name!r} has no layers: submit a trained classifier")
        for second in names[1:]:
            if _is_input(children[second]):
                raise second_input(second, name, names[:1])
        if not _is_input(children[names[0]]):
            shape = first_shape(entries[0], children[names[0]], config, name)
            names.insert(0, _free_name("input", children))
            children = {names[0]: Leaf(name=names[0], kind="InputLayer", shape=shape), **children}
        calls: dict[str, tuple[Call, ...]] = {
            after: ((Ref(name=before, call=0),),) for before, after in itertools.pairwise(names)
        }
        output = Ref(name=names[-1], call=0)
        return Model(
            name=name,
            class_name="Sequential",
            children=children,
            calls={names[0]: ((),), **calls},
            inputs=(names[0],),
            outputs={names[-1]: output},
            output=output,
        )

    def _functional(self, config: Mapping[str, Any], name: str) -> Model:
        children: dict[str, Leaf | Model] = {}
        entries: dict[str, Any] = {}
        for entry in list_of(config.get("layers"), f"layers of model {name!r}"):
            is_ours = isinstance(entry, dict) and is_operation(entry)
            layer = as_layer(entry) if is_ours else entry
            child_name, child = self.child(layer, children)
            if is_ours and isinstance(child, Leaf):
                child = replace(child, operation=True)
            elif is_ours and isinstance(child, Model):
                # Keras numbers the models of a net by their class, and this is none of them.
                child = replace(child, class_name=str(entry.get("class_name")))
                child = with_places(child, open_places(entry))
            children[child_name], entries[child_name] = child, layer
        callees = Callees(
            calls={
                child: len(list_of(entry.get("inbound_nodes", []), "inbound_nodes")) for child, entry in entries.items()
            },
            nested={child_name: child.class_name for child_name, child in children.items() if isinstance(child, Model)},
            keras=self.keras,
            training=frozenset(child_name for child_name, child in children.items() if _is_augmentation(child)),
        )
        calls = {
            child_name: ((),)
            if _is_input(child)
            else read_calls(entries[child_name]["inbound_nodes"], child_name, callees)
            for child_name, child in children.items()
            if _is_input(child) or "inbound_nodes" in entries[child_name]
        }
        inputs = tuple(raw[0] for _, raw in read_refs(config.get("input_layers"), f"inputs of model {name!r}"))
        for given in inputs:
            if given not in children or not _is_input(children[given]):
                raise ModelRefused(
                    f"model {name!r} names {shown(given)} as its input, which is no InputLayer of it: "
                    "save the model again"
                )
        outputs = output_refs(config.get("output_layers"), name, callees)
        read = Model(
            name=name,
            class_name="Functional",
            children=children,
            calls=calls,
            inputs=inputs,
            outputs=outputs,
            output=next(iter(outputs.values())),
        )
        order = in_keras_order(read)
        check_order(read, order)
        return replace(read, children={child_name: children[child_name] for child_name in order})


def read_config(config: Mapping[str, Any], *, keras: int, output: str | None = None) -> Model:
    """The tree of a whole model's configuration {"class_name", "config"}; `keras` is the major version that
    wrote it. output: the name of the one that is wanted, where there are several.
    """
    class_name, inner = class_and_config(config)
    check_origin(config, "model")
    check_shared(config)
    if class_name not in MODELS:
        raise ModelRefused(
            f"the model is a {shown(class_name)}; read here are Sequential and Functional models: rebuild "
            "it as one of these, copy the weights and save it again"
        )
    name = inner.get("name") if isinstance(inner, dict) else None
    read = _Reader(keras=keras).model(class_name, _built_config(config, "model"), plain_name(name or "model"))
    return chosen(read, output)


def _name(entry: Mapping[str, Any], config: Any, otherwise: str) -> str:
    """The one name of a layer; ModelRefused where its entry and its configuration name it differently."""
    own = config.get("name") if isinstance(config, dict) else None
    outer = entry.get("name")
    if own is not None and outer is not None and own != outer:
        raise ModelRefused(f"layer {shown(outer)} is called {shown(own)} by its own configuration: {TWO_MEANINGS}")
    return plain_name(own or outer or otherwise)


def _trainable(config: Mapping[str, Any], name: str) -> bool:
    """Whether its weights are trained, by which `.h5` files order them."""
    value = config.get("trainable")
    if value is not None and not isinstance(value, bool):
        raise ModelRefused(f"layer {name!r} has trainable = {shown(value)}; what is read here is true or false")
    return value is not False


def _as_loaded(entry: Mapping[str, Any], name: str) -> Any:
    """The configuration of a layer; ModelRefused where Keras 3 loads another than the file says.

    Where an entry names no module, as in `.h5` files, it forgets every `axis` but a single number.
    """
    config = entry.get("config", {})
    if "module" in entry or not isinstance(config, dict) or "axis" not in config:
        return config
    axis = config["axis"]
    if axis is None or (isinstance(axis, list) and len(axis) != 1):
        raise ModelRefused(
            f"layer {name!r} has axis = {shown(axis)}, which Keras 3 forgets when it loads an .h5 file: save the "
            "model as .keras"
        )
    return config


def _input(config: Mapping[str, Any], name: str) -> Leaf:
    """An InputLayer, dense and of float32; whatever else it says would change what comes in."""
    other = [key for key, value in config.items() if key not in INPUT_KEYS and value is not None and value is not False]
    if other:
        raise ModelRefused(
            f"the input {name!r} has {other[0]} = {shown(config[other[0]])}; read here are plain inputs: begin the net "
            f"with keras.Input((height, width, channels), dtype='{PRECISION}'), copy the weights and save it again"
        )
    return Leaf(name=name, kind="InputLayer", shape=batch_shape(config, name))


def _built_config(entry: Mapping[str, Any], name: str) -> Any:
    """The configuration of a model, with the shape that a Sequential was built for, which stands in either place."""
    config, built = entry.get("config", {}), entry.get("build_config")
    shape = built.get("input_shape") if isinstance(built, dict) else None
    if not isinstance(config, dict) or entry.get("class_name") != "Sequential" or shape is None:
        return config
    if config.get("build_input_shape") not in (None, shape):
        raise ModelRefused(
            f"model {name!r} was built for {shown(shape)} and for {shown(config['build_input_shape'])}: save it again"
        )
    return {**config, "build_input_shape": shape}


def _free_name(wanted: str, taken: Mapping[str, object]) -> str:
    while wanted in taken:
        wanted += "_"
    return wanted


def _is_augmentation(child: Leaf | Model) -> bool:
    return isinstance(child, Leaf) and child.stored_as is not None and EQUIVALENTS[child.stored_as].training


def _is_input(child: Leaf | Model) -> bool:
    return isinstance(child, Leaf) and child.kind == "InputLayer"
