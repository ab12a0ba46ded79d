"""The allow-list: every name of Python's that a pickle of weights may use, and what stands for it here.

A pickle is a program that calls whatever it names. Here nothing is looked up or called but the functions of this
module: a name that is not listed ends the reading. Each line says what the name is and why it is safe: what becomes of
it are plain values that the reader made itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.pytorch.stored import Storage, Stored, check_place
from nc_core.intake.pytorch.wording import AGAIN, EXPORT, PLAIN
from nc_core.intake.wording import shown


class Ordered(dict[Any, Any]):
    """A dict that was an OrderedDict: PyTorch keeps the versions of modules as an attribute of it."""


class Aside:
    """What stands in for values that are no weights and are not looked at; it holds nothing."""


@dataclass(frozen=True, eq=False)
class Name:
    """A listed name. call: what a call of it makes of its arguments; None: it is never called. type: of a storage."""

    name: str
    call: Callable[[Sequence[Any]], Any] | None = None
    type: str | None = None


def _ordered(arguments: Sequence[Any]) -> Ordered:
    if arguments:
        raise _unknown_form("OrderedDict", arguments)
    return Ordered()


def _tensor(arguments: Sequence[Any]) -> Stored:
    """(storage, offset, size, strides, requires_grad, hooks): gradients and hooks are nothing to a net's answers."""
    if len(arguments) != 6:
        raise _unknown_form("_rebuild_tensor_v2", arguments)
    storage, offset, shape, strides, _, hooks = arguments
    if not isinstance(storage, Storage) or not _are_whole((offset,)) or not isinstance(hooks, Ordered) or hooks:
        raise _unknown_form("_rebuild_tensor_v2", arguments)
    if not isinstance(shape, tuple) or not isinstance(strides, tuple) or not _are_whole((*shape, *strides)):
        raise _unknown_form("_rebuild_tensor_v2", arguments)
    return check_place(Stored(storage, offset, shape, strides), "an array of the file")


def _parameter(arguments: Sequence[Any]) -> Stored:
    """(array, requires_grad, hooks): the array itself."""
    if len(arguments) != 3 or not isinstance(arguments[0], Stored) or arguments[2]:
        raise _unknown_form("_rebuild_parameter", arguments)
    return arguments[0]


def _aside(_: Sequence[Any]) -> Aside:
    return Aside()


def _are_whole(numbers: Sequence[Any]) -> bool:
    return all(type(number) is int for number in numbers)


def _unknown_form(name: str, arguments: Sequence[Any]) -> ModelRefused:
    return ModelRefused(
        f"the pickle of weights calls {name} with {len(arguments)} arguments of a form that PyTorch does not write: "
        f"{AGAIN}"
    )


_STORAGES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool",
}  # fmt: skip

_LISTED = [
    # A dict that remembers its order, as every dict does: an empty one of our own.
    Name("collections OrderedDict", _ordered),
    # An array: a note of storage, offset, shape and strides, checked, of which nothing is read before it is wanted.
    Name("torch._utils _rebuild_tensor_v2", _tensor),
    # An array that is trained: the same note.
    Name("torch._utils _rebuild_parameter", _parameter),
    # The type of a storage's numbers: a word, never called.
    *(Name(f"torch {storage}", type=kind) for storage, kind in _STORAGES.items()),
    # A NumPy number or array beside the weights, such as the best accuracy: nothing is kept of it.
    Name("numpy.core.multiarray scalar", _aside),
    Name("numpy._core.multiarray scalar", _aside),
    Name("numpy.core.multiarray _reconstruct", _aside),
    Name("numpy._core.multiarray _reconstruct", _aside),
    # The type of such an array, its class and its bytes: likewise.
    Name("numpy dtype", _aside),
    Name("numpy ndarray"),
    Name("_codecs encode", _aside),
]

NAMES: Mapping[str, Name] = {each.name: each for each in _LISTED}
"""By module and name with a space between, as a pickle says them."""


def named(module: str, name: str) -> Name:
    """A listed name; ModelRefused for every other one."""
    found = NAMES.get(f"{module} {name}")
    if found is None:
        raise ModelRefused(
            f"the pickle names {shown(f'{module}.{name}')}, and a pickle is a program, of which arrays and dicts are "
            f"read alone, no whole module: {PLAIN}; or {EXPORT}"
        )
    return found


def storage_of(identity: Any) -> Storage:
    """What PyTorch's persistent ids are: ("storage", type, key, device, count); ModelRefused for any other."""
    if not isinstance(identity, tuple) or len(identity) != 5 or identity[0] != "storage":
        raise _unknown_form("a persistent id", identity if isinstance(identity, tuple) else ())
    _, kind, key, device, count = identity
    if not isinstance(kind, Name) or kind.type is None or not isinstance(key, str) or not isinstance(device, str):
        raise _unknown_form("a persistent id", identity)
    if not key.isascii() or not key.isdecimal() or len(key) > 9 or type(count) is not int or count < 0:
        raise ModelRefused(f"the pickle of weights names a storage {shown(key)} of {shown(count)} numbers: {AGAIN}")
    return Storage(key, kind.type, count)
