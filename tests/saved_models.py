"""SavedModel folders of Keras nets written by hand, byte by byte: tables, protobuf and metadata as TensorFlow has them.

Each part is made by a function of its own, so that every one of them can be another than TensorFlow's.
"""

import io
import json
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from tests.hostile import seeds

Array = npt.NDArray[Any]
METADATA, INDEX, DATA = "keras_metadata.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"
GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
TYPES = {"<f4": 1, "<f8": 2, "<f2": 19, "<i8": 9, "<i4": 3}


def crc(content: bytes) -> int:
    """CRC-32C, bit by bit, masked."""
    state = 0xFFFFFFFF
    for byte in content:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    state ^= 0xFFFFFFFF
    return ((state >> 15 | state << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value: int) -> bytes:
    """A number of protobuf and of tables."""
    parts = []
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def number(field: int, value: int) -> bytes:
    """A field that is a whole number."""
    return varint(field << 3) + varint(value)


def content(field: int, value: bytes | str) -> bytes:
    """A field that is text, bytes or a message."""
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def fixed(field: int, value: int) -> bytes:
    """A field of four bytes."""
    return varint(field << 3 | 5) + struct.pack("<I", value)


def shape_of(*sizes: int) -> bytes:
    """A TensorShapeProto."""
    return b"".join(content(2, number(1, size)) for size in sizes)


def bundle_entry(kind: int, shape: Sequence[int], offset: int, size: int, checksum: int) -> bytes:
    """A BundleEntryProto."""
    place = number(4, offset) + number(5, size)
    return number(1, kind) + content(2, shape_of(*shape)) + place + fixed(6, checksum)


HEADER = number(1, 1) + content(3, number(1, 1))
"""A BundleHeaderProto of one file."""


def block(entries: Sequence[tuple[bytes, bytes]], kind: int = 0, starts: Sequence[int] = (0,)) -> bytes:
    """A block of a table and its trailer: keys shortened by what they share; kind: of compression."""
    body, before = b"", b""
    for key, value in entries:
        shared = next(
            (n for n, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), min(len(key), len(before))
        )
        body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    body += b"".join(struct.pack("<I", start) for start in (*starts, len(starts))) + bytes([kind])
    return body + struct.pack("<I", crc(body))


def handle(offset: int, size: int) -> bytes:
    """Where a block lies."""
    return varint(offset) + varint(size)


def table(*blocks: Sequence[tuple[bytes, bytes]], kind: int = 0, starts: Sequence[int] = (0,)) -> bytes:
    """A whole table of these blocks of entries."""
    made, listed = b"", []
    for entries in blocks:
        written = block(entries, kind, starts)
        listed.append((entries[-1][0] if entries else b"", handle(len(made), len(written) - 5)))
        made += written
    nothing, index = block([]), block(listed)
    ends = handle(len(made), len(nothing) - 5) + handle(len(made) + len(nothing), len(index) - 5)
    return made + nothing + index + ends.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def text_variable(text: bytes) -> bytes:
    """A string tensor of one text, as a bundle keeps it."""
    length = varint(len(text))
    return length + struct.pack("<I", crc(struct.pack("<I", len(text)))) + text


def text_checksum(written: bytes) -> int:
    """Of such a variable: that of its length in four bytes, and of the rest."""
    begin = next(place for place, byte in enumerate(written) if byte < 0x80) + 1
    return crc(struct.pack("<I", len(written) - begin - 4) + written[begin:])


def graph_of(children: Mapping[int, Mapping[str, int]], keys: Mapping[int, str]) -> bytes:
    """A TrackableObjectGraph: the children of objects by name, and the keys of those that are variables."""
    nodes = []
    for place in sorted(children):
        node = b"".join(content(1, number(1, child) + content(2, name)) for name, child in children[place].items())
        if place in keys:
            node += content(2, content(1, "VARIABLE_VALUE") + content(3, keys[place]))
        nodes.append(content(1, node))
    return b"".join(nodes)


@dataclass
class Saved:
    """A folder of a net of one model in its parts, to be changed before it is written.

    entries: (number, path, identifier, metadata) of keras_metadata.pb; children, keys: of the object graph; variables:
    by key.
    """

    entries: list[tuple[int, str, str, dict[str, Any]]] = field(default_factory=list)
    children: dict[int, dict[str, int]] = field(default_factory=lambda: {0: {}})
    keys: dict[int, str] = field(default_factory=dict)
    variables: dict[str, Array] = field(default_factory=dict)

    @classmethod
    def of(cls, config: seeds.Config, weights: seeds.Arrays) -> "Saved":
        """The model of this configuration, whose layers stand in Keras' order."""
        made = cls(entries=[(0, "root", "_tf_keras_network", {**config, "keras_version": "2.15.0"})])
        for place, entry in enumerate(config["config"]["layers"]):
            made._add(f"layer-{place}", entry, weights.get(entry["name"], {}))
        return made

    def _add(self, label: str, entry: seeds.Config, weights: Mapping[str, Array]) -> None:
        own = self.children[len(self.children)] = {}
        number = self.children[0][label] = len(self.children) - 1
        if weights:
            label = f"layer_with_weights-{sum(name.startswith('layer_with') for name in self.children[0])}"
            self.children[0][label] = number
        for name, array in weights.items():
            place = own[name] = len(self.children)
            self.children[place], self.keys[place] = {}, f"{label}/{name}{VALUE}"
            self.variables[self.keys[place]] = array
        self.entries.append((number, f"root.{label}", "_tf_keras_layer", deepcopy(entry)))

    def metadata(self) -> bytes:
        """keras_metadata.pb."""
        return b"".join(content(1, node(*entry)) for entry in self.entries)

    def graph(self) -> bytes:
        """The object graph."""
        return graph_of(self.children, self.keys)

    def listed(self) -> Iterator[tuple[str, int, tuple[int, ...], bytes]]:
        """Key, TensorFlow's type, shape and bytes of all variables and of the graph, as they are written."""
        variables = {**{key: (TYPES[a.dtype.str], a.shape, a.tobytes()) for key, a in self.variables.items()}}
        variables[GRAPH_KEY] = (7, (), text_variable(self.graph()))
        for key in sorted(variables):
            yield key, *variables[key]

    def index_and_data(self) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """The entries of variables.index, and what they are of."""
        entries, data = [(b"", HEADER)], b""
        for key, kind, shape, written in self.listed():
            checksum = crc(written) if kind != 7 else text_checksum(written)
            entries.append((key.encode(), bundle_entry(kind, shape, len(data), len(written), checksum)))
            data += written
        return entries, data

    def members(self) -> dict[str, bytes]:
        """The three files of the folder that are read."""
        entries, data = self.index_and_data()
        return {METADATA: self.metadata(), INDEX: table(entries), DATA: data}


def node(number_of: int, path: str, identifier: str, metadata: Mapping[str, Any] | str) -> bytes:
    """A SavedObject."""
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    version = content(6, number(1, 2) + number(2, 1))
    return number(2, number_of) + content(3, path) + content(4, identifier) + content(5, text) + version


def classifier() -> Saved:
    """The net of `seeds.classifier`."""
    return Saved.of(seeds.classifier(), seeds.weights())


def archive(members: Mapping[str, bytes], top: str = "", method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of the folder's files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in members.items():
            file.writestr(top + name, data)
    return buffer.getvalue()
