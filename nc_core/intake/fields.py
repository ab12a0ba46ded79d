"""Single fields of a model configuration, checked: names, shapes, objects, where a class comes from."""

import json
from collections.abc import Mapping
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.limits import NAME_CHARACTERS
from nc_core.intake.options import AXES
from nc_core.intake.wording import TWO_MEANINGS, shown

MODULES = ("keras", "keras.layers", "keras.models")
"""Where Keras exports layers and models from. A class elsewhere may have a layer's name and another meaning."""

OWN_MODULES = {
    "Functional": ("functional", "model"),
    "Model": ("functional", "model", "training"),
    "Sequential": ("sequential",),
    "LayerScale": ("convnext",),
    "StochasticDepth": ("convnext",),
    "CustomScaleLayer": ("inception_resnet_v2",),
}
"""Of classes that are not exported: the last parts of the modules in which Keras 2.12 to 3 has them."""

REGISTERED = {"Custom>CustomScaleLayer": "CustomScaleLayer"}
"""Under which Keras 2.12 to 2.15 registered a class of its own."""

ENTRY_KEYS = (
    "class_name",
    "config",
    "name",
    "inbound_nodes",
    "module",
    "registered_name",
    "shared_object_id",
    "build_config",
    "compile_config",
)
"""What an entry may say: what it is, what calls it, and how it was built and compiled, which says nothing about what
it computes."""

PRECISION = "float32"


def major(version: object) -> int:
    """The major number of a Keras version; files without one are older than Keras 2."""
    start = version.split(".")[0] if isinstance(version, str) else ""
    return int(start) if start.isdecimal() and len(start) < 4 else 1


def class_and_config(entry: Any) -> tuple[str, Any]:
    """What every entry of a configuration has; the class by Keras 3's name for it."""
    entry = object_of(entry, "a layer's entry")
    class_name = entry.get("class_name")
    if not isinstance(class_name, str):
        raise ModelRefused("a layer of the model configuration has no class_name: save the model again")
    return REGISTERED.get(class_name, class_name)[:NAME_CHARACTERS], entry.get("config", {})


def check_origin(entry: Mapping[str, Any], name: str) -> None:
    """Raise ModelRefused unless the entry's class is Keras' own layer or model of that name, by the one key for it."""
    unknown = [key for key in entry if key not in ENTRY_KEYS]
    if unknown:
        raise ModelRefused(f"layer {name!r} has the key {shown(unknown[0])}, which Keras does not write: save it again")
    module, registered, class_name = (
        REGISTERED.get(value, value) if isinstance(value, str) else value
        for value in (entry.get("module"), entry.get("registered_name"), entry.get("class_name"))
    )
    told = shown(class_name)
    if isinstance(registered, str) and ">" in registered:
        raise ModelRefused(f"layer {name!r} is the custom class {shown(registered)}: rebuild it from Keras' own layers")
    if registered not in (None, class_name):
        raise ModelRefused(f"layer {name!r} is called {told} and registered as {shown(registered)}: {TWO_MEANINGS}")
    if isinstance(module, str) and ".ops." in f"{module}.":
        raise ModelRefused(
            f"layer {name!r} is the operation {told} of {shown(module)}, not a layer: put the layer of "
            "the same meaning in its place (Add, Rescaling, ...) and save the model again"
        )
    if module is not None and not _is_own(module, class_name):
        raise ModelRefused(
            f"layer {name!r} is a {told} of {shown(module)}, not of Keras: rebuild it from Keras' layers"
        )


def _is_own(module: Any, class_name: Any) -> bool:
    if module in MODULES:
        return True
    if not isinstance(module, str) or not isinstance(class_name, str) or module.split(".")[0] != "keras":
        return False
    return module.split(".")[-1] in OWN_MODULES.get(class_name, ())


def check_precision(config: Mapping[str, Any], name: str) -> None:
    """Raise ModelRefused unless the layer computes in float32, which is what the canonical net computes in.

    Another precision changes answers, and may be a switch: float16 tells 2049 from 2048 no more.
    """
    policy = config.get("dtype")
    if policy is None or policy == PRECISION:
        return
    if isinstance(policy, dict):
        said = policy.get("config")
        plain = policy.get("class_name") in ("DTypePolicy", "FloatDTypePolicy", "Policy")
        if plain and said == {"name": PRECISION} and policy.get("registered_name") is None:
            return
        policy = said.get("name", policy) if isinstance(said, dict) else policy
    raise ModelRefused(
        f"layer {name!r} computes in {shown(policy)}; read here is {PRECISION}: load the model where you trust it, set "
        f"dtype='{PRECISION}' in the configuration of every layer, and save it again"
    )


def one_value(config: Mapping[str, Any], *keys: str) -> Any:
    """The value under the one of these keys that is there, None where none is; ModelRefused where several are."""
    found = [key for key in keys if config.get(key) is not None]
    if len(found) > 1:
        raise ModelRefused(
            f"layer {shown(config.get('name'))} has both {found[0]!r} and {found[1]!r}, which mean the same: "
            f"{TWO_MEANINGS}"
        )
    return config[found[0]] if found else None


def check_shared(config: Any) -> None:
    """Raise ModelRefused where objects of one `shared_object_id` differ: Keras takes the first for all of them.

    What says the same (a dtype policy, an activation) may be shared; layers of a model are not, see `config.py`.
    """
    seen: dict[str, str] = {}
    stack = [config]
    while stack:
        value = stack.pop()
        stack.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
        number = value.get("shared_object_id") if isinstance(value, dict) else None
        if number is None:
            continue
        plain = json.dumps(value, sort_keys=True)
        if seen.setdefault(repr(number), plain) != plain:
            raise ModelRefused(
                f"{shown(value.get('class_name'))} has the number of another object of the model, which Keras "
                f"would put in its place: {TWO_MEANINGS}"
            )


def plain_name(name: object) -> str:
    """A printable name of bounded length."""
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_CHARACTERS or not name.isprintable():
        length = f" ({len(name):,} characters)" if isinstance(name, str) else ""
        raise ModelRefused(
            f"a layer is called {shown(name)}{length}; names are printable text of 1 to {NAME_CHARACTERS} "
            "characters: rename it"
        )
    return name


def batch_shape(config: Mapping[str, Any], name: str) -> tuple[int | None, ...] | None:
    """The shape without its batch axis, from Keras 3's or Keras 2's key; None where it is not given."""
    shape = one_value(config, "batch_shape", "batch_input_shape")
    if shape is None:
        return None
    if not isinstance(shape, list) or not 1 <= len(shape) <= AXES or not all(_is_size(size) for size in shape):
        raise ModelRefused(f"the input {name!r} has the shape {shown(shape)}; expected [null, height, width, channels]")
    return tuple(shape[1:])


def _is_size(size: object) -> bool:
    return size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0)


def object_of(value: Any, what: str) -> Mapping[str, Any]:
    """A JSON object; `what` names it in the refusal."""
    if not isinstance(value, dict):
        raise ModelRefused(f"the {what} is {shown(value)}, not an object: save the model again")
    return value


def list_of(value: Any, what: str) -> list[Any]:
    """A JSON list; `what` names it in the refusal, in the plural."""
    if not isinstance(value, list):
        raise ModelRefused(f"the {what} are {shown(value)}, not a list: save the model again")
    return value
