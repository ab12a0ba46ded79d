"""Single fields of a model configuration, checked: names, shapes, objects, where a class comes from."""

from collections.abc import Mapping
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.limits import NAME_CHARACTERS
from nc_core.intake.options import AXES
from nc_core.intake.wording import shown

MODULES = ("keras", "tensorflow", "tf_keras", "builtins")


def class_and_config(entry: Any) -> tuple[str, Any]:
    """What every entry of a configuration has."""
    entry = object_of(entry, "a layer's entry")
    class_name = entry.get("class_name")
    if not isinstance(class_name, str):
        raise ModelRefused("a layer of the model configuration has no class_name: save the model again")
    return class_name[:NAME_CHARACTERS], entry.get("config", {})


def refuse_foreign(entry: Mapping[str, Any], name: str) -> None:
    """Keras 3 says where a class comes from: others, and operations, may share a layer's class name."""
    module, registered = entry.get("module"), entry.get("registered_name")
    class_name = shown(entry.get("class_name"))
    if module is not None and (not isinstance(module, str) or module.split(".")[0] not in MODULES):
        raise ModelRefused(
            f"layer {name!r} is a {class_name} of {shown(module)}, not of Keras: rebuild it from Keras' layers"
        )
    if isinstance(module, str) and ".ops." in f"{module}.":
        raise ModelRefused(
            f"layer {name!r} is the operation {class_name} of {shown(module)}, not a layer: put the layer of "
            "the same meaning in its place (Add, Rescaling, ...) and save the model again"
        )
    if isinstance(registered, str) and ">" in registered:
        raise ModelRefused(f"layer {name!r} is the custom class {shown(registered)}: rebuild it from Keras' own layers")


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
    shape = config.get("batch_shape", config.get("batch_input_shape"))
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
