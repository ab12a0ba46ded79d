"""Arrays changed: their lists, their places, how they are stored, what stands beside them."""

from typing import Any

import h5py
import numpy as np

from tests.differential.mutations.file import Chance, File, Mutated


def _groups(file: h5py.File) -> list[str]:
    """Groups with arrays in them."""
    found: list[str] = []
    file.visititems(
        lambda name, item: (
            found.append(name)
            if isinstance(item, h5py.Group) and any(isinstance(each, h5py.Dataset) for each in item.values())
            else None
        )
    )
    return found


def _datasets(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def _listed(file: h5py.File) -> list[tuple[Any, str]]:
    """Attributes that are lists of names."""
    found: list[tuple[Any, str]] = []
    items = [file]
    file.visititems(lambda _, item: items.append(item))
    for item in items:
        found += [(item, name) for name in item.attrs if name.startswith(("layer_names", "weight_names"))]
    return found


def listing(file: h5py.File, chance: Chance) -> None:
    """A list of names in another order, in two pieces, in both forms, or as one text."""
    lists = _listed(file)
    if not lists:
        return
    item, name = chance.choice(lists)
    values = list(item.attrs[name])
    kind = chance.choice(["shuffle", "swap", "pieces", "both", "matrix", "text", "twice", "less"])
    if kind == "shuffle":
        chance.shuffle(values)
        item.attrs[name] = values
    elif kind == "swap" and len(values) > 1:
        values[0], values[1] = values[1], values[0]
        item.attrs[name] = values
    elif kind == "pieces":
        del item.attrs[name]
        half = len(values) // 2
        item.attrs[f"{name}0"], item.attrs[f"{name}1"] = values[half:], values[:half]
    elif kind == "both":
        item.attrs[f"{name}0"] = values[::-1]
    elif kind == "matrix":
        item.attrs[name] = [values]
    elif kind == "text" and values:
        item.attrs[name] = values[0]
    elif kind == "twice" and values:
        item.attrs[name] = [*values[:-1], values[0]]
    elif kind == "less":
        item.attrs[name] = values[:-1]


def exchanged(file: h5py.File, chance: Chance) -> None:
    """Two groups or two arrays in each other's place."""
    found = _groups(file) if chance.random() < 0.5 else _datasets(file)
    if len(found) < 2:
        return
    one, other = chance.sample(found, 2)
    if one.startswith(f"{other}/") or other.startswith(f"{one}/"):
        return
    file.move(one, "aside")
    file.move(other, one)
    file.move("aside", other)


def stored(file: h5py.File, chance: Chance) -> None:
    """An array stored in another way."""
    found = _datasets(file)
    if not found:
        return
    name = chance.choice(found)
    data = file[name][()]
    kind = chance.choice(["bfloat16", "float16", "float64", "int", "big", "soft", "transposed", "name", "extra"])
    if kind == "bfloat16":
        file[name].attrs["dtype"] = "bfloat16"
    elif kind == "name":
        file[name].parent.attrs["name"] = chance.choice(["dense", "conv", "other"])
    elif kind == "extra":
        file[f"{file[name].parent.name}/{chance.choice(['9', 'x', 'value'])}"] = data
    else:
        del file[name]
        made = {
            "float16": lambda: np.asarray(data, np.float16),
            "float64": lambda: np.asarray(data, np.float64),
            "int": lambda: np.asarray(np.nan_to_num(data), np.int32),
            "big": lambda: np.asarray(data, ">f4"),
            "soft": lambda: h5py.SoftLink(f"/{chance.choice(found)}"),
            "transposed": lambda: np.asarray(data).T,
        }
        file[name] = made[kind]()


def doubled(file: h5py.File, chance: Chance) -> None:
    """A second set of groups beside the first, with other numbers."""
    top = chance.choice([name for name in file if isinstance(file[name], h5py.Group)])
    other = chance.choice(["_layer_checkpoint_dependencies", "layers", "model_weights", "vars", "optimizer"])
    if other not in file:
        file.copy(top, other)
    for name in _datasets(file):
        if name.startswith(other) and file[name].dtype.kind == "f":
            file[name][...] = np.asarray(file[name]) * 2


def older(file: h5py.File, chance: Chance) -> None:
    """Some or all groups where a Keras before 3 had them: another container, counted twice, a backslash in the path."""
    if "layers" not in file:
        return
    container = chance.choice(["layers", "_layer_checkpoint_dependencies"])
    separator, count, share = chance.choice("/\\"), chance.choice([1, 2]), chance.choice([0.5, 1])
    for name in list(file["layers"]):
        stem, _, number = name.rpartition("_")
        own = f"{stem}_{count * int(number)}" if number.isdecimal() else name
        target = f"{container}{separator}{own}"
        if chance.random() < share and target not in file:
            file.move(f"layers/{name}", target)
    if not len(file["layers"]):
        del file["layers"]


def attributes(file: h5py.File, chance: Chance) -> None:
    """What is said about the writer."""
    item = file.get("model_weights", file) if chance.random() < 0.5 else file
    item.attrs[chance.choice(["keras_version", "backend"])] = chance.choice(["1.0", "2.3.1", "3.15.1", "theano", "jax"])


ARRAYS = (listing, listing, exchanged, exchanged, stored, doubled, older, older, attributes)


def rearranged(file: File, chance: Chance) -> Mutated:
    """One change of the arrays and of their names."""
    change = chance.choice(ARRAYS)
    return Mutated(file.suffix, file.with_weights(lambda opened: change(opened, chance)), f"model{file.suffix}")
