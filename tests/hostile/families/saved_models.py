"""Zips of SavedModels that are damaged, contradict themselves, ask for too much, or reach beyond what they hold."""

import copy
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.families.case import Case, Make, packed_zeros
from tests.saved_models import (
    DATA,
    GRAPH_KEY,
    HEADER,
    INDEX,
    METADATA,
    VALUE,
    Saved,
    archive,
    bundle_entry,
    classifier,
    content,
    crc,
    handle,
    node,
    number,
    table,
)

MEMBERS = classifier().members()
ENTRIES, STORED = classifier().index_and_data()
KEY = b"layer_with_weights-0/kernel" + VALUE.encode()


def zipped(members: dict[str, bytes], top: str = "") -> Make:
    """A file of these members."""

    def make(folder: Path) -> Path:
        (folder / "saved.zip").write_bytes(archive(members, top))
        return folder / "saved.zip"

    return make


def changed(change: Callable[[Saved], object]) -> Make:
    """The net with its parts changed before it is written."""
    saved = classifier()
    change(saved)
    return zipped(saved.members())


def index(written: bytes) -> Make:
    """The net with another index."""
    return zipped({**MEMBERS, INDEX: written})


def entry(key: bytes, written: bytes) -> Make:
    """The net with another entry of the index."""
    return index(table(sorted({**dict(ENTRIES), key: written}.items())))


def kernel(**changes: Any) -> Make:
    """The net with something else in the entry of its first kernel."""
    array = classifier().variables[KEY.decode()]
    at = STORED.index(array.tobytes())
    plain = {"kind": 1, "shape": array.shape, "offset": at, "size": array.nbytes, "checksum": crc(array.tobytes())}
    rest: tuple[bytes, ...] = changes.pop("more", ())
    return entry(KEY, bundle_entry(**{**plain, **changes}) + b"".join(rest))


def metadata(change: Callable[[list[tuple[int, str, str, Any]]], object]) -> Make:
    """The net with other entries of its metadata."""

    def make(saved: Saved) -> None:
        saved.entries = copy.deepcopy(saved.entries)
        change(saved.entries)

    return changed(make)


def _options(entries: list[tuple[int, str, str, Any]], path: str) -> dict[str, Any]:
    options: dict[str, Any] = next(each for each in entries if each[1] == path)[3]["config"]
    return options


def graph(written: bytes) -> Make:
    """The net with another object graph."""

    class Other(Saved):
        def graph(self) -> bytes:
            return written

    plain = classifier()
    return zipped(Other(plain.entries, plain.children, plain.keys, plain.variables).members())


def _twice_in_the_graph(saved: Saved) -> bytes:
    first = content(1, number(1, 1) + content(2, "layer-0")) + content(1, number(1, 2) + content(2, "layer-0"))
    return content(1, first) + saved.graph()


def _bomb(folder: Path) -> Path:
    """128 megabytes of zeros in some hundred kilobytes, as weights."""
    rest = {name: written for name, written in MEMBERS.items() if name != DATA}
    with (folder / "saved.zip").open("wb") as file:
        packed_zeros(file, rest, DATA, b"", 2**27, zipfile.ZIP_DEFLATED)
    return folder / "saved.zip"


def _footer(nothing: bytes, where: bytes) -> bytes:
    """The index with another footer."""
    return MEMBERS[INDEX][:-48] + (nothing + where).ljust(40, b"\0")[:40] + MEMBERS[INDEX][-8:]


def _flipped(written: bytes, at: int) -> bytes:
    return written[:at] + bytes([written[at] ^ 1]) + written[at + 1 :]


def _own_loop(saved: Saved) -> None:
    saved.children[saved.children[0]["layer-1"]] = {"kernel": 0, "bias": saved.children[0]["layer-1"], "layer-1": 0}


def _cycle_of_models(saved: Saved) -> None:
    for label in ("layer-1", "layer_with_weights-0"):
        saved.children[0][label] = 0
    saved.children[0] |= {"kernel": 0, "bias": 0}


def _one_object(saved: Saved) -> None:
    for label in ("layer-2", "layer_with_weights-1"):
        saved.children[0][label] = saved.children[0]["layer-1"]


def _two_objects(saved: Saved) -> None:
    saved.children[0]["layer-1"] = saved.children[0]["layer-2"]


def _no_weights(saved: Saved) -> None:
    saved.children[saved.children[0]["layer-1"]].pop("kernel")


def _weights_of_nobody(saved: Saved) -> None:
    saved.variables[f"layer_with_weights-9/kernel{VALUE}"] = np.ones(3, np.float32)


def _key_elsewhere(saved: Saved) -> None:
    saved.keys = {place: key.replace("kernel", "nowhere") for place, key in saved.keys.items()}


def _integers(saved: Saved) -> None:
    saved.variables = {key: array.astype(np.int32) for key, array in saved.variables.items()}


def _not_finite(saved: Saved) -> None:
    saved.variables = {key: np.full_like(array, np.nan) for key, array in saved.variables.items()}


def _lambda(entries: list[tuple[int, str, str, Any]]) -> None:
    layers = entries[0][3]["config"]["layers"]
    layers[3] |= {"class_name": "Lambda", "config": {"name": "flat", "function": ["4wAAAA==", None, None]}}
    entries[4][3].update(layers[3])


REFUSED: dict[str, Case] = {
    "cut-off index": Case(index(MEMBERS[INDEX][:-60]), "variables.index of the SavedModel is cut off or damaged"),
    "no index": Case(index(b""), "cut off or damaged"),
    "an index of another kind": Case(index(b"\x89HDF\r\n\x1a\n" + bytes(100)), "cut off or damaged"),
    "a block that changed": Case(index(_flipped(MEMBERS[INDEX], 40)), "cut off or damaged"),
    "a block that is compressed": Case(index(table(ENTRIES, kind=1)), "is compressed"),
    "a block beyond the index": Case(index(_footer(handle(0, 5), handle(2**40, 2**40))), "cut off or damaged"),
    "blocks that overlap": Case(index(_footer(handle(0, 5), handle(0, 5))), "cut off or damaged"),
    "bytes behind the blocks": Case(index(MEMBERS[INDEX][:-48] + b"more" + MEMBERS[INDEX][-48:]), "cut off or damaged"),
    "keys out of order": Case(index(table([ENTRIES[0], *reversed(ENTRIES[1:])])), "cut off or damaged"),
    "a key twice": Case(index(table([*ENTRIES[:2], *ENTRIES[1:]])), "cut off or damaged"),
    "a key twice in two blocks": Case(index(table(ENTRIES[:2], ENTRIES[1:])), "cut off or damaged"),
    "places to start that are none": Case(index(table(ENTRIES, starts=(0, 7))), "cut off or damaged"),
    "no place to start": Case(index(table(ENTRIES, starts=())), "cut off or damaged"),
    "places to start without end": Case(index(table(ENTRIES, starts=[0] * 9000)), "cut off or damaged"),
    "no header": Case(index(table(ENTRIES[1:])), "cut off or damaged"),
    "an empty table": Case(index(table([])), "cut off or damaged"),
    "several files": Case(entry(b"", number(1, 2) + HEADER[2:]), "lie in 2 files"),
    "another byte order": Case(entry(b"", HEADER + number(2, 1)), "byte order 1"),
    "a header that says a thing twice": Case(entry(b"", HEADER + number(1, 1)), "twice"),
    "a key that is no text": Case(entry(b"\xff\xfe", b""), "no UTF-8"),
    "an offset beyond the data": Case(kernel(offset=2**40), "which has"),
    "a size beyond the data": Case(kernel(size=2**60), "which has"),
    "an offset beyond all bounds": Case(kernel(offset=2**64 - 8), "which has"),
    "variables that overlap": Case(kernel(offset=0), "overlap or leave a gap"),
    "an array in another file": Case(kernel(more=(number(3, 1),)), "lies in several parts"),
    "an array in slices": Case(kernel(more=(content(7, b""),)), "lies in several parts"),
    "a field that nobody knows": Case(kernel(more=(number(9, 1),)), "a field 9 that is not read"),
    "a field twice": Case(kernel(more=(number(4, 0),)), "says offset twice"),
    "a shape of another size": Case(kernel(shape=(3, 3, 3, 5)), "expected"),
    "a shape beyond all bounds": Case(kernel(shape=(2**62, 2**62, 3, 4)), "expected"),
    "a negative shape": Case(kernel(shape=(2**64 - 1, 3, 3, 4)), "expected"),
    "many axes": Case(kernel(shape=(1,) * 60), "cut off or damaged"),
    "another type of the same size": Case(kernel(kind=3), "TensorFlow's type 3"),
    "a type of half the size": Case(kernel(kind=19), "in 432 bytes"),
    "a type that there is not": Case(kernel(kind=2**40), "TensorFlow's type"),
    "a checksum of other weights": Case(kernel(checksum=7), "variables.data of the SavedModel is cut off or damaged"),
    "a weight that changed": Case(
        zipped({**MEMBERS, DATA: _flipped(STORED, STORED.index(classifier().variables[KEY.decode()].tobytes()))}),
        "variables.data of the SavedModel is cut off or damaged",
    ),
    "integers for weights": Case(changed(_integers), "TensorFlow's type 3"),
    "weights that are not finite": Case(changed(_not_finite), "hold NaN"),
    "cut-off data": Case(zipped({**MEMBERS, DATA: STORED[:-9]}), "which has"),
    "bytes behind the data": Case(zipped({**MEMBERS, DATA: STORED + bytes(8)}), "its variables fill"),
    "weights that no layer takes": Case(changed(_weights_of_nobody), "which no layer of the model takes"),
    "no object graph": Case(
        index(table([each for each in ENTRIES if each[0] != GRAPH_KEY.encode()])), "gap|no variable"
    ),
    "an object graph that is no text": Case(
        entry(GRAPH_KEY.encode(), dict(ENTRIES)[GRAPH_KEY.encode()].replace(number(1, 7), number(1, 1), 1)),
        "cut off or damaged",
    ),
    "a model within itself": Case(changed(_cycle_of_models), "the same object|is no variable|twice"),
    "a layer that is its own weight": Case(changed(_own_loop), "is no variable"),
    "two layers of one object": Case(changed(_one_object), "the same object as another layer"),
    "a layer of two objects": Case(changed(_two_objects), "which object layer 'conv' is"),
    "an object that there is not": Case(
        changed(lambda saved: saved.children[saved.children[0]["layer-1"]].update(kernel=2**40)), "names object"
    ),
    "a name twice": Case(graph(_twice_in_the_graph(classifier())), "twice"),
    "an empty object graph": Case(graph(b""), "names object 0 of 0"),
    "an object graph that is cut off": Case(graph(classifier().graph()[:-3]), "cut off or damaged"),
    "an object restored by code": Case(graph(content(1, content(4, b"\x0a\x02os"))), "by code of its own"),
    "a layer without its kernel": Case(changed(_no_weights), "has no kernel"),
    "a weight of a key that there is not": Case(changed(_key_elsewhere), "has no variable"),
    "code in a layer": Case(metadata(_lambda), "only layers with a fixed meaning"),
    "another activation in the layer's own entry": Case(
        metadata(lambda entries: _options(entries, "root.layer_with_weights-2").update(activation="sigmoid")),
        "two different ones",
    ),
    "another class in the layer's own entry": Case(
        metadata(lambda entries: entries[4][3].update(class_name="Lambda")), "two different ones, by its class_name"
    ),
    "another entry by the layer's other name": Case(
        metadata(lambda entries: entries.append((77, "root.layer-1", entries[2][2], {"class_name": "Lambda"}))),
        "two different ones",
    ),
    "a model without names": Case(
        metadata(lambda entries: entries[0][3]["config"]["layers"].append({"class_name": "Sequential", "config": []})),
        "has no layers",
    ),
    "no entry of a layer": Case(metadata(lambda entries: entries.pop()), "says nothing of layer 'answer'"),
    "two entries of one place": Case(
        metadata(lambda entries: entries.append((77, *entries[2][1:]))), "says twice what"
    ),
    "two entries of one number": Case(
        metadata(lambda entries: entries.append((2, "root.x", *entries[2][2:]))), "says twice what"
    ),
    "no model": Case(metadata(lambda entries: entries.pop(0)), "says nothing of the model"),
    "a model of Keras 3": Case(
        metadata(lambda entries: entries[0][3].update(keras_version="3.1.0")), "is of Keras '3.1.0'"
    ),
    "a class of somebody's own": Case(
        metadata(lambda entries: entries[0][3].update(class_name="Net")), "Sequential and Functional"
    ),
    "metadata that is no JSON": Case(
        zipped({**MEMBERS, METADATA: content(1, node(0, "root", "_tf_keras_network", "{"))}), "no valid JSON"
    ),
    "metadata that is nested": Case(
        zipped({**MEMBERS, METADATA: content(1, node(0, "root", "_tf_keras_network", '{"a":' + "[" * 9000))}),
        "nested|no valid JSON",
    ),
    "metadata that is no protobuf": Case(zipped({**MEMBERS, METADATA: b"\xff" * 50}), "cut off or damaged"),
    "metadata of millions of fields": Case(
        zipped({**MEMBERS, METADATA: b"\x0a\x00" * 600_000}), "the limit is 500,000|says twice"
    ),
    "no metadata": Case(zipped({**MEMBERS, METADATA: b""}), "says nothing of the model"),
    "a path out of the folder": Case(zipped(MEMBERS, "../"), "put the folder itself"),
    "an absolute path": Case(zipped(MEMBERS, "/tmp/"), "put the folder itself"),
    "a file beside": Case(zipped({**MEMBERS, "../../tmp/owned": b"x"}), "also holds"),
    "two models": Case(zipped({**MEMBERS, "b/" + METADATA: b""}), "also holds"),
    "another part of the data": Case(zipped({**MEMBERS, "variables/variables.data-00001-of-00002": b""}), "also holds"),
    "weights that unpack": Case(_bomb, "unpacks to"),
}

QUARANTINED = ("an offset beyond the data", "a model within itself", "weights that unpack", "a path out of the folder")
CASES = {label: REFUSED[label] for label in QUARANTINED}
"""Those that are also read in quarantine; all are in test_saved_models."""
