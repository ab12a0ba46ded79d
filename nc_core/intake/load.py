"""Canonical model files -> canonical models, held against the same table and the same limits as any upload.

Such a file is written by the process that reads uploads, which may have been taken over by one of them: what it says
is believed no more than the upload itself.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nc_core import tensors
from nc_core.class_names import as_names
from nc_core.errors import ModelRefused, OptionRefused
from nc_core.intake.analysis import Analysis, analyse
from nc_core.intake.canonical import SCHEMA, CanonicalModel, Layer, Node, Signature
from nc_core.intake.fields import list_of, object_of, plain_name
from nc_core.intake.layer_options import read_options
from nc_core.intake.layers import KINDS
from nc_core.intake.limits import EDGES, LAYERS, NAME_CHARACTERS, NODES, within
from nc_core.intake.names import usable
from nc_core.intake.options import count
from nc_core.intake.strict_json import parse
from nc_core.intake.wording import shown


def load_canonical(path: Path, sha256: str | None = None) -> CanonicalModel:
    """Read what `CanonicalModel.save` wrote; ModelRefused when the digest or the form differs."""
    if sha256 is not None and (actual := tensors.sha256_of(path)) != sha256:
        raise ModelRefused(
            f"canonical model {path.name!r} has sha256 {actual}, expected {sha256}: the file was "
            "changed or cut off; submit the model again"
        )
    with path.open("rb") as file:
        return read_canonical(file)


def read_canonical(file: BinaryIO) -> CanonicalModel:
    """The same for an open file; its arrays are mapped, read-only, and stay when the file is closed."""
    try:
        weights, text = tensors.read(file)
    except ValueError as error:
        raise ModelRefused(f"the file is no canonical model ({error}): pass a file that intake wrote") from None
    structure = parse(text, "canonical model")
    if structure.get("schema") != SCHEMA:
        raise ModelRefused(
            f"the canonical model has schema {shown(structure.get('schema'))}, expected {SCHEMA}: "
            "submit the model again"
        )
    image, layers, nodes, output = _net(structure)
    found = analyse(layers, nodes, output, image)
    if (structure.get("head"), structure.get("classes")) != (found.head, found.classes):
        raise _foreign(f"it calls itself {shown(structure.get('head'))} and is {found.head}")
    _check_weights(layers, weights, found)
    return CanonicalModel(
        input_shape=image,
        layers=layers,
        nodes=nodes,
        output=output,
        head=found.head,
        classes=found.classes,
        weights=weights,
        signature=_signature(structure.get("signature"), image),
        class_names=_class_names(structure.get("class_names", []), found.classes),
        named_in=_note(structure.get("named_in", "")),
        note=_note(structure.get("note", "")),
    )


NOTE = 300
"""Characters of what the reader says of a file."""


def _note(value: Any) -> str:
    if not isinstance(value, str) or len(value) > NOTE or not value.isprintable():
        raise _foreign(f"it notes {shown(value)}")
    return value


def _class_names(value: Any, classes: int) -> tuple[str, ...]:
    """One name for each class, or none at all."""
    listed = list_of(value, "class names of the canonical model")
    try:
        names = as_names(listed) if listed else ()
    except OptionRefused:
        raise _foreign(f"it names its classes {shown(listed)}") from None
    if len(names) not in (0, classes):
        raise _foreign(f"it names {len(names)} classes of {classes}")
    return names


def _foreign(what: str) -> ModelRefused:
    return ModelRefused(f"the canonical model was not written by intake: {what}; submit the model again")


def _net(structure: Mapping[str, Any]) -> tuple[tuple[int, int, int], tuple[Layer, ...], tuple[Node, ...], int]:
    shape = list_of(structure.get("input_shape"), "sizes of the canonical model's input")
    if len(shape) != 3:
        raise _foreign(f"its input has the shape {shown(shape)}")
    try:
        image = (count(shape[0]), count(shape[1]), count(shape[2]))
    except ValueError as error:
        raise _foreign(f"its input has the shape {shown(shape)}, not of {error}") from None
    layers = tuple(_layer(entry) for entry in _bounded(structure, "layers", LAYERS))
    if len({layer.name for layer in layers}) != len(layers):
        raise _foreign("two layers have one name")
    entries = _bounded(structure, "nodes", NODES)
    nodes = tuple(_node(entry, number, len(layers)) for number, entry in enumerate(entries))
    within(sum(len(node.inputs) for node in nodes), EDGES, "inputs of layer calls")
    if {node.layer for node in nodes} != {None, *range(len(layers))}:
        raise _foreign("it has no input or a layer that nothing calls")
    output: Any = structure.get("output")
    if not _is_index(output, len(nodes)):
        raise _foreign(f"its output is node {shown(output)} of {len(nodes)}")
    return image, layers, nodes, output


def _signature(entry: Any, image: tuple[int, int, int]) -> Signature | None:
    """Of the ONNX file that the net came in; None where the form has none."""
    if entry is None:
        return None
    entry = object_of(entry, "signature of the canonical model")
    entry = {"sizes": None, **entry}  # of a net of an earlier version
    if set(entry) != {field.name for field in fields(Signature)}:
        raise _foreign(f"its signature has the keys {shown(sorted(entry))}")
    if not isinstance(entry["channels_first"], bool) or not isinstance(entry["log_softmax"], bool):
        raise _foreign(f"its signature is {shown(entry)}")
    batch = entry["batch"]
    return Signature(
        image=_word(entry["image"]),
        output=_word(entry["output"]),
        channels_first=entry["channels_first"],
        batch=_word(batch) if isinstance(batch, str) else _batch(batch),
        log_softmax=entry["log_softmax"],
        sizes=None if entry["sizes"] is None else _sizes(entry["sizes"], image),
    )


def _sizes(value: Any, image: tuple[int, int, int]) -> tuple[int, ...]:
    """Grey images without an axis of channels, or as rows."""
    if image[2] != 1 or value not in (list(image[:2]), [image[0] * image[1]]):
        raise _foreign(f"its signature has the sizes {shown(value)} for images {image}")
    return tuple(value)


def _word(name: Any) -> str:
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_CHARACTERS or not name.isprintable():
        raise _foreign(f"its signature has the name {shown(name)}")
    return name


def _batch(size: Any) -> int:
    try:
        return count(size)
    except ValueError as error:
        raise _foreign(f"its signature takes {shown(size)} images, not {error}") from None


def _bounded(structure: Mapping[str, Any], key: str, limit: int) -> list[Any]:
    entries = list_of(structure.get(key), f"{key} of the canonical model")
    within(len(entries), limit, key)
    return entries


def _layer(entry: Any) -> Layer:
    entry = object_of(entry, "layer of the canonical model")
    name, kind, weights = plain_name(entry.get("name")), entry.get("kind"), entry.get("weights")
    if usable(name) != name or not isinstance(kind, str) or kind not in KINDS:
        raise _foreign(f"layer {name!r} is a {shown(kind)}")
    options = object_of(entry.get("options"), f"options of layer {name!r}")
    if read_options(kind, options, name) != options:
        raise _foreign(f"layer {name!r} ({kind}) has the options {shown(options)}")
    expected = [f"{name}/{weight}" for weight in KINDS[kind].weights(options)]
    if weights != expected:
        raise _foreign(f"layer {name!r} ({kind}) has the weights {shown(weights)}")
    return Layer(name=name, kind=kind, options=options, weights=tuple(expected))


def _node(entry: Any, number: int, layers: int) -> Node:
    """Node 0 is the image; every other one calls a layer on nodes before it."""
    entry = object_of(entry, "node of the canonical model")
    layer, inputs = entry.get("layer"), list_of(entry.get("inputs"), "inputs of a node of the canonical model")
    if number == 0:
        valid = layer is None and not inputs
    else:
        valid = _is_index(layer, layers) and bool(inputs) and all(_is_index(source, number) for source in inputs)
    if not valid:
        raise _foreign(f"node {number} is {shown(entry)}")
    return Node(layer=layer, inputs=tuple(inputs))


def _is_index(value: Any, end: int) -> bool:
    return type(value) is int and 0 <= value < end


def _check_weights(layers: tuple[Layer, ...], weights: Mapping[str, Any], found: Analysis) -> None:
    expected = {
        key: found.weight_shapes[number][key.rpartition("/")[2]]
        for number, layer in enumerate(layers)
        for key in layer.weights
    }
    if set(weights) != set(expected):
        raise _foreign("its arrays are not those of its layers")
    for key, array in weights.items():
        if array.dtype != np.float32 or array.shape != expected[key]:
            raise _foreign(f"{key} is {array.dtype} of the shape {array.shape}, expected {expected[key]}")
        if not np.isfinite(array).all():
            raise _foreign(f"{key} holds values that are not finite")
