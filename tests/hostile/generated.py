"""Files made anew for each number, of values that a format allows somewhere and a reader expects nowhere."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import h5py
import numpy as np

from nc_core.intake.equivalents import EQUIVALENTS
from nc_core.intake.layers import KINDS, REQUIRED
from tests.hostile import seeds

SIZES = (0, 1, 2, 3, 8, 40, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**70, -1)
TYPES = (
    "'|u1'", "'<f4'", "'<f8'", "'>i2'", "'|b1'", "'|O'", "'<U5'", "'|V0'", "'|S0'", "'<M8[ns]'", "'<c16'", "'<f2'",
    "'<f16'", "'|u1,<f4'", "[('a', '<f4', (2, 2)), ('b', '|O')]", "[('', '<f4')]", "('<f4', (2,))", "''", "'x'", "7",
    "None", "[]", "{'names': ['a'], 'formats': ['<f4']}", "'<f9999999'", "'<M8[99999999999Y]'",
)  # fmt: skip
HEADERS = (
    "", "{", "[]", "{}", "{1: 2}", "{**{}}", "...", "f'{1}'", "{[]: 1}", "1_0", "'\\N{NOTHING}'", "(" * 200,
    "-" * 5000 + "1", "{'descr': '|u1', 'fortran_order': False, 'shape': (40,), 'more': 1}", "{b'a': 1, 'b': 2}",
)  # fmt: skip
SHAPES: tuple[tuple[int, ...], ...] = (
    *((40, 8, 8, 3), (40, 3, 8, 8), (40, 8, 8), (40,), (40, 1), (40, 3), (), (0,), (40, 0, 8, 3)),
    *((1,) * 32, (2, 2, 2, 2, 2)),
)


def npy(chance: random.Random) -> bytes:
    """An array file whose header says anything."""
    shape = tuple(chance.choice(SIZES) if chance.random() < 0.3 else 8 for _ in range(chance.choice((0, 1, 2, 4, 33))))
    kind = chance.choice(TYPES) if chance.random() < 0.5 else "'|u1'"
    text = f"{{'descr': {kind}, 'fortran_order': {chance.choice(('False', 'True'))}, 'shape': {shape}}}\n"
    if chance.random() < 0.15:
        text = chance.choice(HEADERS)
    version = chance.choice((1, 1, 1, 2, 3, 9))
    length = len(text.encode()).to_bytes(2 if version == 1 else 4, "little")
    body = bytes([chance.randrange(256)]) * chance.choice((0, 1, 8**4, 8**5))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text.encode() + body


def npz(chance: random.Random) -> bytes:
    """A Keras data file of such arrays; some of them are as they should be."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, plain in (("x", seeds.pixels()), ("y", seeds.labels())):
            if chance.random() < 0.6:
                archive.writestr(f"{name}.npy", npy(chance))
            else:
                held = io.BytesIO()
                np.save(held, plain)
                archive.writestr(f"{name}.npy", held.getvalue())
    return buffer.getvalue()


def _typed(kind: Any) -> Callable[[h5py.Group, str, tuple[int, ...]], object]:
    return lambda group, name, shape: group.create_dataset(name, shape, dtype=kind)


def _long_number(group: h5py.Group, name: str, shape: tuple[int, ...]) -> None:
    kind = h5py.h5t.STD_U8LE.copy()
    kind.set_size(5)
    h5py.h5d.create(group.id, name.encode(), kind, h5py.h5s.create_simple(shape))


MEMBERS: tuple[Callable[[h5py.Group, str, tuple[int, ...]], object], ...] = (
    *map(_typed, ("u1", "f8", "f2", "longdouble", "c16", "?", "S3", "V5", ">i2", [("a", "f4"), ("b", "u1")])),
    *map(_typed, (h5py.string_dtype(), h5py.vlen_dtype("u1"), h5py.enum_dtype({"a": 1}), np.dtype(("f4", (2, 2))))),
    *map(_typed, (h5py.ref_dtype, h5py.regionref_dtype)),
    _long_number,
    lambda group, name, _: group.create_group(name),
    lambda group, name, _: group.__setitem__(name, h5py.Empty("f4")),
    lambda group, name, _: group.__setitem__(name, h5py.SoftLink("/other")),
    lambda group, name, _: group.__setitem__(name, np.dtype("f4")),
    lambda group, name, _: group.__setitem__(name, np.bytes_(b"text")),
    lambda group, name, _: group.create_dataset(name, (2**62, 2, 2, 2), "u1", chunks=(1, 2, 2, 2)),
)
"""What HDF5 can hold under a name."""


def member(group: h5py.Group, name: str, chance: random.Random) -> None:
    """One of them, of any shape; nothing where HDF5 itself does not take that."""
    with suppress(TypeError, ValueError, OSError, KeyError):
        chance.choice(MEMBERS)(group, name, chance.choice(SHAPES))


def csaw(chance: random.Random) -> bytes:
    """A CSAW file that holds anything under its names."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, plain in (("data", seeds.pixels()), ("label", seeds.labels())):
            if chance.random() < 0.6:
                member(file, name, chance)
            else:
                file[name] = plain
    return buffer.getvalue()


VALUES = (
    None, True, False, -1, 0, 1, 2, 7, 2**31, 2**70, 10**400, 1e308, 1.5, -0.0, "", "same", "valid", "softmax", "relu",
    "channels_first", [], {}, [[]], [0, 0], [2, 2], [2**40, 2**40], [None, None], [[1, 1], [1, 1]], [-1], [1, 2, 3],
    {"class_name": "ReLU", "config": {}}, {"class_name": "Softmax", "config": {"axis": -1}},
)  # fmt: skip
FITTING = {
    "filters": 4, "kernel_size": [3, 3], "units": 3, "activation": "relu", "target_shape": [-1], "dims": [2, 1, 3],
    "rate": 0.5, "stddev": 0.1,
}  # fmt: skip


def _layer(number: int, before: str, chance: random.Random) -> seeds.Config:
    """A layer of any class, an InputLayer among them, its options as they should be or anything."""
    kind = chance.choice([*KINDS, *KINDS, *EQUIVALENTS, "InputLayer"])
    if kind == "InputLayer":
        options: dict[str, Any] = {"batch_shape": chance.choice([[None, 8, 8, 3], None, [None, 4], [None]])}
    else:
        known = KINDS[kind].options if kind in KINDS else EQUIVALENTS[kind].options
        options = {name: FITTING.get(name, 1.0) for name, option in known.items() if option.default is REQUIRED}
        options |= {name: chance.choice(VALUES) for name in known if chance.random() < 0.03}
    entry = seeds.entry(kind, f"l{number}", before, **options)
    if chance.random() < 0.15:
        entry["inbound_nodes"] = [[[before, 0, 0, {}], [chance.choice(["picture", before]), 0, 0, {}]]]
    return entry


def _weights(layers: list[seeds.Config], chance: random.Random) -> dict[str, dict[str, Any]]:
    shapes = [(3, 3, 3, 4), (4,), (3,), (192, 3), (3, 3), ()]
    found = {}
    for entry in (each for each in layers if each["class_name"] in KINDS):
        with suppress(KeyError, TypeError):
            defaults = {name: option.default for name, option in KINDS[entry["class_name"]].options.items()}
            names = KINDS[entry["class_name"]].weights({**defaults, **entry["config"]})
            kinds = ["f4"] * 6 + ["f8", "i4", "?", "S2", "c8"]
            found[entry["name"]] = {name: np.ones(chance.choice(shapes), chance.choice(kinds)) for name in names}
    return {name: own for name, own in found.items() if own}


def model(chance: random.Random) -> bytes:
    """An `.h5` of up to six such layers, in a graph or in a row, with weights of any shape and type."""
    layers = [seeds.entry("InputLayer", "picture", batch_shape=chance.choice([[None, 8, 8, 3]] * 6 + [[None], None]))]
    for number in range(chance.randrange(1, 7)):
        layers.append(_layer(number, layers[-1]["name"], chance))
    layers.append(seeds.entry("Flatten", "flat", layers[-1]["name"]))
    layers.append(seeds.entry("Rescaling", "answer", "flat", scale=1.0))
    config = seeds.functional(layers)
    if chance.random() < 0.4:
        config = {"class_name": "Sequential", "config": {"name": "row", "layers": layers[chance.randrange(2) :]}}

    def change(file: h5py.File) -> None:
        if chance.random() < 0.2:
            member(file["model_weights"], chance.choice(["l0", "answer", "kernel"]), chance)

    stored = _weights(layers, chance)
    return seeds.content(lambda buffer: seeds.write_h5(buffer, json.loads(json.dumps(config)), stored, change))
